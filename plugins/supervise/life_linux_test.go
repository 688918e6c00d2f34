package supervise

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/filelock"
	"shmbus/internal/testproc"
	"shmbus/plugins"
)

// busd starts a process that supervises the rig's plugins.
func (r *rig) busd() *testproc.Process {
	r.t.Helper()
	p := testproc.Start(r.t, "busd", r.bus, r.dir)
	p.Expect("ready")
	return p
}

func TestTheNextBusdAdoptsThePluginsOfOneThatWasKilled(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"keep", "change", "remove", "die"} {
		r.manifest(name, "")
	}
	b := r.busd()
	pids := map[string]int{}
	for _, name := range []string{"keep", "change", "remove", "die"} {
		pids[name] = r.runs(name)
	}
	b.Kill()
	r.manifest("change", "env = {A = \"b\"}\n")
	r.manifest("add", "")
	r.remove("remove.toml")
	if err := syscall.Kill(pids["die"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.gone("die")

	b = r.busd()
	r.runs("add")
	r.runs("change", pids["change"])
	r.runs("die", pids["die"])
	r.gone("remove")
	if pid := r.runs("keep"); pid != pids["keep"] {
		t.Errorf("keep is process %d, and was %d", pid, pids["keep"])
	}
	if err := syscall.Kill(pids["keep"], syscall.SIGKILL); err != nil { // an adopted one is looked after
		t.Fatal(err)
	}
	r.runs("keep", pids["keep"])
	b.Kill()

	stop := r.start() // and again, with the rest in one process
	r.is("add", plugins.Running)
	stop()
	for _, name := range []string{"keep", "change", "add", "die"} {
		r.gone(name)
	}
}

func TestAPluginThatEndsWithItsBusdIsStartedByTheNext(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "orphan = \"stop\"\ngrace = \"1m\"\n")
	b := r.busd()
	pid := r.runs("a")
	b.Kill()
	r.until("it stops", func() bool { st, _ := r.told("a"); return st.Phase == plugins.Stopping })
	r.start()
	if st := r.is("a", plugins.Stopping); st.Runner.PID != pid {
		t.Errorf("it was adopted as %d, and is %d", st.Runner.PID, pid)
	}
	if err := os.WriteFile(string(r.o.Place.Plugin("a"))+"/end", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.until("it is started again", func() bool {
		var st plugins.State
		return plugins.ReadJSON(r.o.Place.Plugin("a").State(), &st) == nil && st.Runner.PID != pid
	})
}

func TestARunnerThatIsAdoptedHasTheGraceOfWhatItRuns(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "grace = \"10m\"\n")
	b := r.busd()
	pid := r.runs("a")
	b.Kill()
	var spec plugins.Spec
	if err := plugins.ReadJSON(r.o.Place.Plugin("a").Spec(), &spec); err != nil {
		t.Fatal(err)
	}
	spec.Hash, spec.Grace = "next", plugins.Duration(time.Second) // a busd has written it, and was killed before the runner had ended
	if err := plugins.WriteJSON(r.o.Place.Plugin("a").Spec(), spec); err != nil {
		t.Fatal(err)
	}
	r.start()
	if st := r.is("a", plugins.Running); st.Runner.PID != pid {
		t.Fatalf("%+v was not adopted", st)
	}
	var grace time.Duration
	if err := r.s.call(func() { grace = r.s.entries["a"].run.grace }); err != nil || grace != 10*time.Minute+r.o.Grace {
		t.Errorf("%v, %v", grace, err)
	}
}

func TestTheLogOfARemovedPluginIsKeptForADay(t *testing.T) {
	r := newRig(t)
	ago := func(name string, d time.Duration) plugins.Nook {
		nook := r.o.Place.Plugin(name)
		if err := os.MkdirAll(string(nook), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(nook.Log(), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(nook.Log(), time.Time{}, time.Now().Add(-d)); err != nil {
			t.Fatal(err)
		}
		return nook
	}
	old, recent, asleep := ago("old", 25*time.Hour), ago("recent", 23*time.Hour), ago("asleep", 25*time.Hour)
	if err := plugins.WriteJSON(asleep.Spec(), plugins.Spec{Name: "asleep"}); err != nil { // nobody has noticed yet that it was removed
		t.Fatal(err)
	}
	r.start()
	r.until("it answers", func() bool { return r.s.Alive() == nil })
	for nook, want := range map[plugins.Nook]bool{old: false, recent: true, asleep: true} {
		if _, err := os.Stat(string(nook)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", nook, err, want)
		}
	}
	r.until("it is noticed", func() bool { _, err := os.Stat(asleep.Spec()); return os.IsNotExist(err) })
}

func TestADirectoryThatCannotBeReadStopsNothing(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "")
	b := r.busd()
	pid := r.runs("a")
	b.Kill()
	if err := os.RemoveAll(r.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.dir, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r.start()
	if st := r.is("a", plugins.Running); st.Runner.PID != pid || !strings.Contains(r.s.Problem(), r.dir) {
		t.Errorf("%+v, was %d; problem %q", st, pid, r.s.Problem())
	}
	if err := os.Remove(r.dir); err != nil {
		t.Fatal(err)
	}
	r.gone("a") // a directory that is not there has no plugins
}

func TestALockOfAStrangerIsToldAndLeftAlone(t *testing.T) {
	r := newRig(t)
	nook := r.o.Place.Plugin("a")
	if err := os.MkdirAll(string(nook), 0o700); err != nil {
		t.Fatal(err)
	}
	held := testproc.Start(t, "locker", nook.Lock())
	held.Expect("held")
	me, err := processOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	old := me
	old.Start--
	other := me
	other.Boot = "another boot"
	r.manifest("a", "")
	for _, c := range []struct {
		state any
		want  string
	}{
		{nil, "no such file"},
		{"{", "cannot unmarshal"},
		{plugins.State{Name: "b", Runner: me}, `of the plugin "b"`},
		{plugins.State{Name: "a"}, "pid 0"},
		{plugins.State{Name: "a", Runner: old}, "another one now"},
		{plugins.State{Name: "a", Runner: other}, "another one now"},
		{plugins.State{Name: "a", Runner: plugins.Process{PID: 1 << 40}}, "none of a plugin"},
	} {
		if c.state != nil {
			if err := plugins.WriteJSON(nook.State(), c.state); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := identifyRunner(nook, "a"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.state, err, c.want)
		}
	}
	r.start()
	r.is("a", plugins.Refused, nook.Lock()+" is held by a process that cannot be made out", "fuser")
	held.Say("enough")
	held.Wait()
	r.runs("a")
}

func TestAPluginThatWasGivenUpStaysSo(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "[config]\nend = \"failed\"\n")
	r.manifest("b", "[config]\nend = \"stopped\"\n")
	stop := r.start()
	since := r.is("a", plugins.Failed, "given up").Since
	if err := r.s.Stop("a"); err != nil { // there is nothing to be stopped
		t.Fatal(err)
	}
	r.is("a", plugins.Failed, "given up") // its runner may just be ending
	r.is("b", plugins.Stopped)
	stop()
	r.start() // the next busd
	if again := r.is("a", plugins.Failed, "given up").Since; !again.Equal(since) {
		t.Errorf("it was tried again: failed at %v, now %v", since, again)
	}
	if err := r.s.Restart("a"); err != nil {
		t.Fatal(err)
	}
	r.until("it was tried again", func() bool { return r.is("a", plugins.Failed, "given up").Since.After(since) })
	r.manifest("a", "")
	r.runs("a")
}

func TestStartStopAndRestart(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "")
	r.manifest("b", "")
	stop := r.start()
	a, b := r.runs("a"), r.runs("b")
	do := func(f func(string) error) {
		t.Helper()
		if err := f("a"); err != nil {
			t.Fatal(err)
		}
	}
	do(r.s.Restart)
	a2 := r.runs("a", a)
	do(r.s.Start) // it runs
	do(r.s.Stop)
	r.gone("a")
	r.is("a", plugins.Stopped, "told to stop")
	do(r.s.Start)
	a3 := r.runs("a", a, a2)
	do(r.s.Stop)
	r.gone("a")
	r.manifest("a", "env = {A = \"b\"}\n")
	r.runs("a", a, a2, a3)
	if err := r.s.Reload(); err != nil {
		t.Fatal(err)
	}
	if st := r.is("b", plugins.Running); st.Runner.PID != b {
		t.Errorf("b was touched: %d, was %d", st.Runner.PID, b)
	}
	if err := r.s.Stop("nobody"); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("a plugin that is not there: %v", err)
	}
	stop()
	if err := r.s.Stop("a"); err == nil {
		t.Error("a supervisor that has ended takes orders")
	}
}

func TestAPluginThatIsStartedWhileItStopsIsWaitedFor(t *testing.T) {
	r := newRig(t)
	r.manifest("a", "grace = \"500ms\"\n[config]\ndeaf = true\n")
	r.start()
	pid := r.is("a", plugins.Running).Runner.PID
	for _, f := range []func(string) error{r.s.Stop, r.s.Start} {
		if err := f("a"); err != nil {
			t.Fatal(err)
		}
		if r.s.settled("a") {
			t.Fatalf("nothing is under way: %+v", r.state("a"))
		}
		r.is("a", plugins.Stopping)
	}
	r.until("it is done", func() bool { return r.s.settled("a") })
	if st := r.state("a"); st.Phase != plugins.Running || st.Runner.PID == pid {
		t.Errorf("%+v, was %d", st, pid)
	}
}

func TestARunnerThatDoesNotStopIsKilled(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"a", "b", "c"} {
		r.manifest(name, "grace = \"500ms\"\n[config]\ndeaf = true\nchild = true\n")
	}
	stop := r.start()
	for _, name := range []string{"a", "b", "c"} {
		r.runs(name)
	}
	st, _ := r.told("a")
	fd, err := openProcess(st.Plugin)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	stop()
	for _, name := range []string{"a", "b", "c"} {
		r.gone(name)
	}
	if err := waitFor(fd); err != nil {
		t.Fatal(err)
	}
}

func TestAHundredPlugins(t *testing.T) {
	r := newRig(t)
	const n = 100
	for i := range n {
		r.manifest(fmt.Sprintf("p%02d", i), "")
	}
	began := time.Now()
	stop := r.start()
	r.until("all run", func() bool {
		running := 0
		for _, st := range r.s.Plugins() {
			if st.Phase == plugins.Running {
				running++
			}
		}
		return running == n
	})
	t.Logf("%d plugins run after %v", n, time.Since(began))
	began = time.Now()
	stop()
	t.Logf("and have ended after %v", time.Since(began))
	for i := range n {
		if held, err := filelock.Held(r.o.Place.Plugin(fmt.Sprintf("p%02d", i)).Lock()); held || err != nil {
			t.Errorf("plugin %d: %v, %v", i, held, err)
		}
	}
}

func TestWhatHappensIsOnTheBus(t *testing.T) {
	r := newRig(t)
	b, err := bus.Open(r.bus, bus.WithReserved())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	r.o.Reporter = plugins.NewReporter(b)
	defer r.o.Reporter.Close()
	r.manifest("a", "")
	r.start()
	pid := r.runs("a")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := b.Subscribe(ctx, plugins.TopicEvents, bus.FromOldest(), bus.WaitForTopic())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	next := func(word string) plugins.Event {
		t.Helper()
		for {
			f, err := s.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			e, err := bus.Decode[plugins.Event](f)
			f.Release()
			if err != nil || e.Plugin != "a" {
				t.Fatalf("%+v, %v", e, err)
			}
			if e.Event == word {
				return e
			}
		}
	}
	if e := next("runner-started"); e.PID != pid {
		t.Errorf("%+v, want pid %d", e, pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e := next("runner-died"); e.PID != pid || !strings.Contains(e.Detail, "killed") {
		t.Errorf("%+v", e)
	}
	next("runner-started")
	r.manifest("a", "nonsense = 1\n")
	if e := next("refused"); !strings.Contains(e.Detail, "nonsense") {
		t.Errorf("%+v", e)
	}
	r.remove("a.toml")
	next("removed")
}
