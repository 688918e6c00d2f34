package supervise

import (
	"syscall"
	"testing"

	"shmbus/plugins"
)

func TestARunnerThatDiesIsStartedAgainAndItsPluginEndsFirst(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "[config]\nchild = true\n")
	r.start()
	pid := r.runs("a")
	st, _ := r.told("a")
	fd, err := openProcess(st.Plugin)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := waitFor(fd); err != nil {
		t.Fatal(err)
	}
	again := r.runs("a", pid)
	if err := syscall.Kill(again, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if st := r.is("a", plugins.Backoff, "the runner died", "killed"); st.Next.IsZero() || st.Tries == 0 {
		t.Errorf("%+v", st)
	}
	r.runs("a", pid, again)
}

func TestARunnerThatSomebodyElseStopsIsStartedAgain(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "")
	r.start()
	var pids []int
	for range 2 {
		pid := r.runs("a", pids...)
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		r.is("a", plugins.Backoff, "somebody else than busd told it to stop")
		pids = append(pids, pid)
	}
	r.runs("a", pids...)
}
