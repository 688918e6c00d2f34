package exec

import (
	"os"
	"testing"

	"github.com/hashicorp/go-hclog"

	"shmbus/internal/filelock"
	"shmbus/plugins"
)

func TestARunnerWhoseLockWasRemovedLeavesTheStateToTheNext(t *testing.T) {
	var removed error
	b := &board{nook: plugins.Nook(t.TempDir()), mine: func() error { return removed }, log: hclog.NewNullLogger()}
	b.phase(plugins.Running, func(*plugins.State) {})
	before, err := os.ReadFile(b.nook.State())
	if err != nil {
		t.Fatal(err)
	}
	removed = filelock.ErrRemoved
	b.phase(plugins.Stopping, func(*plugins.State) {})
	if after, err := os.ReadFile(b.nook.State()); err != nil || string(after) != string(before) {
		t.Errorf("it was %s, and is %s, %v", before, after, err)
	}
}
