package exec

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"

	"shmbus/internal/filelock"
	"shmbus/plugins"
)

func TestARunnerWhoseLockWasRemovedLeavesTheStateToTheNext(t *testing.T) {
	var removed error
	b := &board{path: filepath.Join(t.TempDir(), "state.json"), mine: func() error { return removed }, log: hclog.NewNullLogger()}
	b.phase(plugins.Running, func(*plugins.State) {})
	before, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	removed = filelock.ErrRemoved
	b.phase(plugins.Stopping, func(*plugins.State) {})
	if after, err := os.ReadFile(b.path); err != nil || string(after) != string(before) {
		t.Errorf("it was %s, and is %s, %v", before, after, err)
	}
}
