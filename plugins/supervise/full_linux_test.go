package supervise

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"shmbus/internal/testproc"
	"shmbus/plugins"
)

func TestAPluginIsStoppedForAnotherOnlyIfThatCanBeStarted(t *testing.T) {
	r := newRig(t)
	dir, fill := testproc.SmallDir(t, 256<<10)
	r.o.Place = plugins.Place(dir)
	r.manifest("a", "")
	r.manifest("b", "")
	r.start()
	pid, other := r.runs("a"), r.runs("b")
	r.is("a", plugins.Running)
	fill()
	r.manifest("a", "env = {A = \"b\"}\n")
	if st := r.is("a", plugins.Running, "left running", "no space left"); st.Runner.PID != pid {
		t.Errorf("runner %d, was %d", st.Runner.PID, pid)
	}
	if err := r.s.Restart("a"); err == nil || !strings.Contains(err.Error(), "a: it is left running") || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("restart: %v", err)
	}
	if !r.s.settled("a") {
		t.Error("something is under way")
	}
	if err := r.s.Restart("b"); err != nil { // it needs no more room than it has
		t.Errorf("restart: %v", err)
	}
	r.runs("b", other)
	if err := os.Truncate(filepath.Join(dir, "fill"), 0); err != nil {
		t.Fatal(err)
	}
	r.runs("a", pid)
	r.until("the problem is over", func() bool { return r.state("a").Problem == "" })
	if err := r.s.Stop("a"); err != nil {
		t.Fatal(err)
	}
	r.is("a", plugins.Stopped)
}

func TestARunnerThatCannotBeReplacedComesUp(t *testing.T) {
	r := newRig(t)
	dir, fill := testproc.SmallDir(t, 256<<10)
	r.o.Place = plugins.Place(dir)
	up := filepath.Join(t.TempDir(), "up")
	config := fmt.Sprintf("grace = \"10m\"\n[config]\ndeaf = true\nlate = %q\n", up)
	r.manifest("a", config)
	r.start()
	r.until("it has begun", func() bool { return r.state("a").Runner.PID != 0 })
	fill()
	r.manifest("a", "env = {A = \"b\"}\n"+config)
	r.is("a", plugins.Starting, "left running", "no space left")
	if err := os.WriteFile(up, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	st := r.is("a", plugins.Running, "left running")
	if !r.s.settled("a") {
		t.Error("something is under way")
	}
	if err := r.s.Stop("a"); err != nil {
		t.Fatal(err)
	}
	if st := r.is("a", plugins.Stopping); st.Problem != "" {
		t.Errorf("a plugin that is stopped has the problem %s", st.Problem)
	}
	if err := syscall.Kill(st.Runner.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.is("a", plugins.Stopped)
}
