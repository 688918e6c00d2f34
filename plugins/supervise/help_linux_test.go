package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/internal/filelock"
	"shmbus/internal/testproc"
	"shmbus/plugins"
)

// patience is how long tests wait for something that should happen within a second: the machine may be busy.
const patience = 40 * time.Second

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Helper{"runner": runner, "busd": busd, "client": client, "locker": locker})
}

// runner is what package exec is to busd: it holds the lock, tells its state, and ends on SIGTERM. The plugin's config table says how
// it is to behave.
func runner(p *testproc.Peer) error {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	var spec plugins.Spec
	if err := plugins.ReadJSON(p.Arg(0), &spec); err != nil {
		return err
	}
	nook := spec.Place.Plugin(spec.Name)
	if p.Arg(0) != nook.Spec() {
		return fmt.Errorf("spec %s is not where that of %s is to be", p.Arg(0), spec.Name)
	}
	lock, err := filelock.Try(nook.Lock())
	if err != nil {
		return err
	}
	defer lock.Close()
	me, err := processOf(os.Getpid())
	if err != nil {
		return err
	}
	st := plugins.State{Name: spec.Name, Hash: spec.Hash, Runner: me, Phase: plugins.Running, Since: time.Now(), Status: strings.Join(spec.Command, " "), Grace: spec.Grace}
	tell := func(ph plugins.Phase) error {
		st.Phase = ph
		return nook.WriteState(st)
	}
	if spec.Config["child"] != nil {
		c := exec.Command("sleep", "600")
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := c.Start(); err != nil {
			return err
		}
		if st.Plugin, err = processOf(c.Process.Pid); err != nil {
			return err
		}
	}
	switch spec.Config["end"] {
	case "failed":
		st.Problem = "it was given up"
		if err := tell(plugins.Failed); err != nil {
			return err
		}
		return errors.New("given up")
	case "stopped":
		return tell(plugins.Stopped)
	}
	if late, ok := spec.Config["late"].(string); ok {
		lookFor(late)
	}
	if err := tell(plugins.Running); err != nil {
		return err
	}
	if spec.Orphan == "stop" {
		if err := filelock.Wait(spec.Place.Lock()); err != nil {
			return err
		}
		if err := tell(plugins.Stopping); err != nil {
			return err
		}
		lookFor(string(nook) + "/end")
		return tell(plugins.Stopped)
	}
	if spec.Config["deaf"] != nil {
		for range term { // only SIGKILL ends it
		}
	}
	<-term
	st.Told = true
	return tell(plugins.Stopped)
}

// lookFor returns when there is a file of that name.
func lookFor(path string) {
	for _, err := os.Stat(path); err != nil; _, err = os.Stat(path) {
		time.Sleep(time.Millisecond) // not synchronisation: it looks again and again
	}
}

// busd is a process that supervises the plugins of a directory. It says "ready", and ends on SIGTERM.
func busd(p *testproc.Peer) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	o, err := options(p.Arg(0), p.Arg(1))
	if err != nil {
		return err
	}
	s, err := New(o)
	if err != nil {
		return err
	}
	if err := MakePlace(o.Place); err != nil {
		return err
	}
	l, err := filelock.Try(o.Place.Lock())
	if err != nil {
		return err
	}
	defer l.Close()
	return s.Run(ctx, func() { p.Say("ready") })
}

// locker holds a lock and tells nothing about itself.
func locker(p *testproc.Peer) error {
	l, err := filelock.Try(p.Arg(0))
	if err != nil {
		return err
	}
	defer l.Close()
	p.Say("held")
	p.Await()
	return nil
}

func options(bus, dir string) (Options, error) {
	c, err := testproc.Command(nil, "runner")
	if err != nil {
		return Options{}, err
	}
	return Options{
		Bus: bus, Place: plugins.PlaceOf(bus), Dir: dir, Runner: c.Args, Env: c.Env, Grace: time.Second,
	}, nil
}

// A rig is a bus, a plugin directory, and what looks after it.
type rig struct {
	t   *testing.T
	bus string
	dir string
	o   Options
	s   *Supervisor // once it is started
}

func newRig(t *testing.T) *rig {
	t.Helper()
	t.Parallel() // they mostly wait
	return newLoneRig(t)
}

// newLoneRig is a rig of a test that runs alone.
func newLoneRig(t *testing.T) *rig {
	t.Helper()
	top := testproc.MemoryDir(t)
	r := &rig{t: t, bus: filepath.Join(top, "bus"), dir: filepath.Join(top, "plugins")}
	var err error
	if r.o, err = options(r.bus, r.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.endRunners)
	return r
}

// endRunners kills what a test may have left: runners outlive their busd.
func (r *rig) endRunners() {
	dirs, _ := os.ReadDir(r.o.Place.Plugins())
	for _, d := range dirs {
		var st plugins.State
		if plugins.ReadJSON(r.o.Place.Plugin(d.Name()).State(), &st) != nil {
			continue
		}
		for _, p := range []plugins.Process{st.Runner, st.Plugin} {
			if fd, err := openProcess(p); err == nil {
				_ = killGroup(fd)
				_ = waitFor(fd)
				fd.Close()
			}
		}
	}
}

// start starts a supervisor in this process; it is stopped with the test, or by the function returned.
func (r *rig) start() (stop func()) {
	r.t.Helper()
	s, err := New(r.o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.s = s
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, nil) }()
	stopped := false
	stop = func() {
		cancel()
		if stopped {
			return
		}
		stopped = true
		select {
		case err := <-ended:
			if err != nil {
				r.t.Errorf("the supervisor has ended: %v", err)
			}
		case <-time.After(patience):
			r.t.Error("the supervisor does not end")
		}
	}
	r.t.Cleanup(stop)
	return stop
}

// write writes a file of the plugin directory.
func (r *rig) write(name, text string, mode os.FileMode) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		r.t.Fatal(err)
	}
}

// manifest writes a manifest that the fake runner can do with.
func (r *rig) manifest(name, more string) {
	r.t.Helper()
	r.write(name+".toml", "contract = \"bus\"\ncommand = [\"true\"]\n"+more, 0o644)
}

func (r *rig) remove(name string) {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

// told is the state that a plugin's runner has told, if it is alive.
func (r *rig) told(name string) (st plugins.State, alive bool) {
	nook := r.o.Place.Plugin(name)
	held, err := filelock.Held(nook.Lock())
	if err != nil || !held || plugins.ReadJSON(nook.State(), &st) != nil {
		return st, false
	}
	return st, true
}

// runs waits until a plugin has a runner that another does not have, and returns its pid.
func (r *rig) runs(name string, but ...int) int {
	r.t.Helper()
	pid := 0
	r.until(name+" runs", func() bool {
		st, alive := r.told(name)
		pid = st.Runner.PID
		for _, other := range but {
			alive = alive && pid != other
		}
		return alive && st.Phase == plugins.Running
	})
	return pid
}

func (r *rig) gone(name string) {
	r.t.Helper()
	r.until(name+" is gone", func() bool { held, err := filelock.Held(r.o.Place.Plugin(name).Lock()); return err == nil && !held })
}

// state is what the supervisor says of a plugin; zero if it knows none of that name.
func (r *rig) state(name string) plugins.State {
	for _, st := range r.s.Plugins() {
		if st.Name == name {
			return st
		}
	}
	return plugins.State{}
}

// is waits until the supervisor says that a plugin is in a phase, with a problem that has all of the words.
func (r *rig) is(name string, ph plugins.Phase, words ...string) plugins.State {
	r.t.Helper()
	var st plugins.State
	r.until(fmt.Sprintf("%s is %s, with %q", name, ph, words), func() bool {
		st = r.state(name)
		ok := st.Phase == ph
		for _, w := range words {
			ok = ok && strings.Contains(st.Problem, w)
		}
		return ok
	})
	return st
}

func (r *rig) until(what string, f func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(2 * time.Millisecond) { // not synchronisation: it looks again and again
		if time.Now().After(end) {
			said := ""
			if r.s != nil {
				said = fmt.Sprintf("; the supervisor says %+v, %s", r.s.Plugins(), r.s.Problem())
			}
			r.t.Fatalf("waited in vain: %s%s", what, said)
		}
	}
}
