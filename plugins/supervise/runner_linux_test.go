package supervise

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

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

func TestThePluginOfAnotherBusdsRunnerIsLeftAlone(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "")
	r.start()
	pid := r.is("a", plugins.Running).Runner.PID
	c := exec.Command("sleep", "600")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = c.Wait()
	}()
	other, err := processOf(c.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	me, err := processOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	nook := r.o.Place.Plugin("a")
	st, _ := r.told("a")
	if st.Runner, st.Plugin = me, other; nook.WriteState(st) != nil { // as after the bus was removed, and another busd was started
		t.Fatal("no state")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.runs("a", pid, os.Getpid())
	if fields, err := statOf(other.PID); err != nil || fields[0] == "Z" {
		t.Errorf("its plugin was killed: %q, %v", fields, err)
	}
}

func TestAnEarlierRunnersStateIsNotThatOfTheNextOneWithItsPID(t *testing.T) {
	r := newRig(t)
	s, err := New(r.o)
	if err != nil {
		t.Fatal(err)
	}
	e := s.add("a")
	if err := os.MkdirAll(string(r.o.Place.Plugin("a")), 0o700); err != nil {
		t.Fatal(err)
	}
	now := plugins.Process{PID: 4711, Start: 9, Boot: "b"}
	earlier := now
	earlier.Start = 7
	for _, c := range []struct {
		told, is plugins.Process
		arrived  bool
	}{
		{earlier, now, false},
		{now, now, true},
		{now, plugins.Process{PID: now.PID}, true}, // as where /proc tells nothing
	} {
		e.run = &run{process: c.is, began: time.Now()}
		if err := e.nook.WriteState(plugins.State{Name: "a", Phase: plugins.Running, Runner: c.told}); err != nil {
			t.Fatal(err)
		}
		s.arrive(e, e.run.began)
		if e.run.arrived != c.arrived {
			t.Errorf("told by %v, is %v: arrived: %v", c.told, c.is, e.run.arrived)
		}
	}
}

func TestNothingIsStartedInAPlaceThatIsAnothersNow(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "")
	r.manifest("b", "")
	lost, why := make(chan struct{}), errors.New("the lock was removed")
	r.o.Mine = func() error {
		select {
		case <-lost:
			return why
		default:
			return nil
		}
	}
	s, err := New(r.o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, nil) }()
	a, b := r.runs("a"), r.runs("b")
	if err := os.RemoveAll(r.bus); err != nil {
		t.Fatal(err)
	}
	close(lost)
	if err := s.Restart("b"); !errors.Is(err, why) && !errors.Is(err, ErrClosed) {
		t.Errorf("restart: %v", err)
	}
	if err := syscall.Kill(a, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, why) {
		t.Errorf("it has ended with %v", err)
	}
	if _, err := statOf(b); err == nil {
		t.Error("its runner is alive")
	}
	if _, err := os.Stat(string(r.o.Place)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the place is there again: %v", err)
	}
}

func TestASpecThatWasEditedIsRepaired(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "[config]\nn = 1\n")
	r.start()
	pid := r.runs("a")
	before, _ := r.told("a")
	spec := r.o.Place.Plugin("a").Spec()
	text, err := os.ReadFile(spec)
	if err != nil {
		t.Fatal(err)
	}
	edited, unfinished := strings.ReplaceAll(string(text), "true", "false"), spec+".1.new" // as a busd leaves it that is killed amid that
	if err := errors.Join(os.WriteFile(spec, []byte(edited), 0o600), os.WriteFile(unfinished, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.runs("a", pid)
	after, _ := r.told("a")
	if now, err := os.ReadFile(spec); edited == string(text) || string(now) != string(text) || after.Status != before.Status {
		t.Errorf("it runs %q, and ran %q; %v", after.Status, before.Status, err)
	}
	if _, err := os.Stat(unfinished); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was left unfinished is there: %v", err)
	}
}
