package supervise

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// A directory that is not there costs nothing while it is waited for, and is seen at once when it comes, with all that is above it.
func TestADirectoryThatIsNotThereIsWatchedFor(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "config", "shmbus", "plugins")
	w := newWatcher(dir, hclog.NewNullLogger())
	defer w.close()
	changed := func(what string) {
		t.Helper()
		select {
		case <-w.changes:
		case <-time.After(10 * time.Second):
			t.Fatal("nobody was told of " + what)
		}
	}
	if !w.ensure() || w.at != top {
		t.Fatalf("watched is %q", w.at)
	}
	if err := os.WriteFile(filepath.Join(top, "another"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	changed("what is above")
	if !w.ensure() || w.at != filepath.Dir(dir) {
		t.Fatalf("watched is %q", w.at)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	changed("the directory")
	if !w.ensure() || w.at != dir {
		t.Fatalf("watched is %q", w.at)
	}
	if err := os.WriteFile(filepath.Join(dir, "x.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	changed("a file")
	if err := os.RemoveAll(filepath.Join(top, "config")); err != nil {
		t.Fatal(err)
	}
	changed("the end")
	for w.ensure() && w.at != top { // events come one by one
		changed("the end of what is above")
	}
}

func TestWhatConcernsADirectory(t *testing.T) {
	w := &watcher{dir: "/a/b/c"}
	for name, want := range map[string]bool{
		"/a": true, "/a/b": true, "/a/b/c": true, "/a/b/c/d": true, "/": true,
		"/a/x": false, "/a/bb": false, "/a/b/cc": false, "/x": false,
	} {
		if got := w.concerns(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
