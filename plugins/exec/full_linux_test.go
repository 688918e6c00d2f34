package exec

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"shmbus/internal/testproc"
	"shmbus/plugins"
)

// small puts what the runner keeps on a small file system, which the function returned fills up.
func (w *world) small() (fill func()) {
	w.Helper()
	dir, fill := testproc.SmallDir(w, 256<<10)
	w.spec.Place = plugins.Place(dir)
	w.nook = w.spec.Place.Plugin(w.spec.Name)
	if err := errors.Join(os.MkdirAll(string(w.nook), 0o700), w.nook.Reserve()); err != nil {
		w.Fatal(err)
	}
	return fill
}

// failsWhereItIsFull starts a plugin that fails when the file system is full.
func failsWhereItIsFull(t *testing.T, restart string) *world {
	t.Helper()
	dir := t.TempDir()
	w := newWorldIn(t, dir, `contract = "bus"
command = ["sh", "-c", "until test -e end; do sleep 0.05; done; exit 7"]
[restart]
`+restart)
	fill := w.small()
	w.start()
	w.phase(plugins.Running)
	fill()
	if err := os.WriteFile(filepath.Join(dir, "end"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAFullFileSystemDoesNotHideThatAPluginHasFailed(t *testing.T) {
	w := failsWhereItIsFull(t, `first = "1h"
most = "1h"`)
	if s := w.phase(plugins.Backoff); s.Plugin.PID != 0 || s.Tries != 1 {
		t.Errorf("%+v", s)
	}
}

func TestAFullFileSystemDoesNotHideThatAPluginWasGivenUp(t *testing.T) {
	w := failsWhereItIsFull(t, `tries = 2
first = "1ms"`)
	has(t, w.end(), "given up after 2 failures")
	if s := w.state(); s.Phase != plugins.Failed || s.Tries != 2 || s.Restarts != 1 {
		t.Errorf("%+v", s)
	}
}

func TestAStateThatCannotBeWrittenIsWrittenLater(t *testing.T) {
	w := newWorld(t, `contract = "bus"
command = ["sleep", "1000"]
restart.steady = "1h"`) // then it is written anyway
	fill := w.small()
	if err := os.Remove(w.nook.Spare()); err != nil {
		t.Fatal(err)
	}
	if err := plugins.WriteJSON(w.nook.Spec(), w.spec); err != nil {
		t.Fatal(err)
	}
	fill()
	w.startWith(w.nook.Spec())
	w.event(Ready)
	if err := os.Truncate(filepath.Join(string(w.spec.Place), "fill"), 0); err != nil {
		t.Fatal(err)
	}
	w.phase(plugins.Running)
}

func TestAStateThatWasRemovedIsWrittenAgain(t *testing.T) {
	w := newWorld(t, `contract = "bus"
command = ["sleep", "1000"]
restart.steady = "1h"`) // then it is written anyway
	w.start()
	w.phase(plugins.Running)
	if err := os.Remove(w.nook.State()); err != nil {
		t.Fatal(err)
	}
	w.phase(plugins.Running)
}
