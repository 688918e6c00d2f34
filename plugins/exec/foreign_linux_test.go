package exec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/internal/testproc"
	"shmbus/plugins"
)

func init() {
	helpers["impatient runner"] = func(p *testproc.Peer) error {
		patience = 300 * time.Millisecond
		return helpers["runner"](p)
	}
}

// newForeign has a plugin whose runner is nobody's and may not end it: it becomes root's, as sudo does.
func newForeign(t *testing.T) *world {
	t.Helper()
	setpriv, err := exec.LookPath("setpriv")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("needs root and setpriv, for a plugin that its runner may not end")
	}
	dir, err := os.MkdirTemp("", "foreign-") // t.TempDir() is the user's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var at unix.Statfs_t
	if err := unix.Statfs(dir, &at); err != nil || at.Flags&unix.ST_NOSUID != 0 {
		t.Skip("needs programs that become root in ", dir, err)
	}
	program, err := os.ReadFile(setpriv)
	suid := filepath.Join(dir, "setpriv")
	err = errors.Join(err, os.WriteFile(suid, program, 0o700), os.Chmod(suid, 0o755|os.ModeSetuid), os.Chmod(dir, 0o755))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldIn(t, dir, fmt.Sprintf("contract = \"bus\"\ncommand = [%q, \"--reuid=0\", \"sleep\", \"1000\"]\ngrace = \"10ms\"\n%s", suid, quick))
	if err := plugins.WriteJSON(w.nook.Spec(), w.spec); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Dir(w.spec.Bus), func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, testproc.Nobody, testproc.Nobody))
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) startAsNobody() {
	w.Helper()
	w.runner = testproc.StartAs(w, testproc.Nobody, "impatient runner", w.nook.Spec())
	w.Cleanup(func() { w.stop() })
}

// foreign waits until the plugin runs and has become root's.
func (w *world) foreign() plugins.Process {
	w.Helper()
	p := w.phase(plugins.Running).Plugin
	w.Cleanup(func() { _, _ = killIf(p.PID, func() bool { return same(p) }) })
	eventually(w, "the plugin is root's", func() bool {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.PID))
		return err == nil && string(name) == "sleep\n"
	})
	return p
}

// waits fails unless the runner waits for the end of a process before it starts the plugin.
func (w *world) waits(p plugins.Process) {
	w.Helper()
	s := w.until("it waits", func(s plugins.State) bool { return s.Phase == plugins.Backoff && s.Runner.PID == w.runner.Pid() })
	has(w, s.Problem, fmt.Sprintf("end process %d", p.PID))
	if s.Plugin != p || !alive(p.PID) {
		w.Errorf("%+v; the plugin was %+v", s, p)
	}
}

func TestEachRunnerWaitsForTheEndOfWhatTheFirstOneHasLeft(t *testing.T) {
	w := newForeign(t)
	w.startAsNobody()
	first := w.foreign()
	w.kill()
	w.startAsNobody()
	w.waits(first)
	if how := w.stop(); how != "<nil>" {
		t.Errorf("the runner ends with %s", how)
	}
	w.startAsNobody()
	w.waits(first)
	w.kill()
	w.startAsNobody()
	w.waits(first)
	if err := unix.Kill(first.PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := w.foreign()
	if second == first || alive(first.PID) {
		t.Errorf("%+v, after %+v", second, first)
	}
	has(t, w.stop(), "cannot be ended")
	if s := w.state(); s.Phase != plugins.Failed || s.Plugin != second {
		t.Errorf("%+v", s)
	}
	w.startAsNobody()
	w.waits(second)
}
