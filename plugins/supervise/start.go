package supervise

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"shmbus/internal/filelock"
	"shmbus/internal/wholefile"
	"shmbus/plugins"
)

const (
	arrivalGap   = 20 * time.Millisecond  // between looks for the state of a runner that was started
	arrivalLimit = 10 * time.Second       // after which nobody waits for it before the next is started
	replaceGap   = time.Second            // between tries to replace one
	strangeGap   = 100 * time.Millisecond // between looks at a lock that is held by nobody knows whom
	strangeLimit = 3 * time.Second        // after which that is a problem
	firstPause   = 500 * time.Millisecond // after the death of a runner
	mostPause    = 30 * time.Second
	steady       = 10 * time.Second // a runner that has lived so long has not died in a row
	keepLogs     = 24 * time.Hour   // of a plugin that was removed, if busd is started after that
	maxRunnerLog = 1 << 20          // bytes, when a runner is started
)

// A run is a runner that is alive.
type run struct {
	process plugins.Process
	fd      *os.File  // its pidfd
	cmd     *exec.Cmd // nil: it was adopted
	hash    string    // of the Spec it runs
	grace   time.Duration
	began   time.Time
	arrived bool      // it has told its state
	kill    time.Time // it was told to stop, and is killed then; zero: it was not
	killed  bool
}

// is says whether this is the runner that p is. Where /proc did not tell more, the pid alone is known.
func (r *run) is(p plugins.Process) bool {
	return p == r.process || p.PID == r.process.PID && r.process.Start == 0
}

// An exit is the end of a runner.
type exit struct {
	e   *entry
	r   *run
	how string
}

// leftovers finds what earlier busds have left: runners that may be alive, and plugins that were given up.
func (s *Supervisor) leftovers() error {
	dirs, err := os.ReadDir(s.o.Place.Plugins())
	if err != nil {
		return err
	}
	for _, d := range dirs {
		if !d.IsDir() || plugins.CheckPluginName(d.Name()) != nil {
			continue
		}
		e := s.add(d.Name())
		var st plugins.State
		held, err := filelock.Held(e.nook.Lock())
		switch {
		case held || err != nil:
			e.leftover = true
		case plugins.ReadJSON(e.nook.State(), &st) == nil && st.Name == e.name && st.Phase == plugins.Failed:
			e.over, e.hash, e.since = plugins.Failed, st.Hash, st.Since
		default:
			s.endPlugin(e, st.Plugin)
			if _, err := os.Stat(e.nook.Spec()); err == nil {
				e.ran = true // if it is not in the directory any more, it was removed meanwhile
				continue
			}
			s.clear(e.nook)
			delete(s.entries, e.name)
		}
	}
	return nil
}

// clear removes what is left of a plugin that was removed long ago: its log may lie in memory.
func (s *Supervisor) clear(nook plugins.Nook) {
	if i, err := os.Stat(nook.Log()); err == nil && time.Since(i.ModTime()) < keepLogs {
		return
	}
	l, err := filelock.Try(nook.Lock())
	if err != nil {
		return // somebody is there after all
	}
	defer l.Close()
	if err := os.RemoveAll(string(nook)); err != nil {
		s.log.Warn("what is left of a plugin that was removed stays", "error", err)
	}
}

// begin adopts a plugin's runner if there is one, and starts one otherwise. Whatever goes wrong is tried again later.
func (s *Supervisor) begin(e *entry, now time.Time) {
	held, err := filelock.Held(e.nook.Lock())
	switch {
	case err != nil:
		s.retry(e, now, err.Error())
	case held:
		s.adopt(e, now)
	default:
		e.leftover, e.strange, e.problem = false, time.Time{}, ""
		if !s.startable(e) {
			return
		}
		if err := s.launch(e, now); err != nil {
			s.retry(e, now, fmt.Sprintf("the runner could not be started: %v", err))
		}
	}
}

// retry notes a problem with a runner, and when it is tried again: after a pause that doubles, with jitter.
func (s *Supervisor) retry(e *entry, now time.Time, problem string) {
	pause := min(firstPause<<min(e.deaths, 10), mostPause)
	pause += time.Duration(rand.Int64N(int64(pause) / 4))
	e.deaths++
	e.problem, e.next, e.since = problem, now.Add(pause), now
	s.log.Error("plugin has no runner", "plugin", e.name, "problem", problem, "pause", pause.Round(time.Millisecond))
}

// adopt takes over a runner that an earlier busd has started. The lock proves that it lives, its state says who it is, and the pidfd is
// checked after it was opened: so it can be no other process.
func (s *Supervisor) adopt(e *entry, now time.Time) {
	st, fd, err := identifyRunner(e.nook, e.name)
	if err != nil {
		if e.strange.IsZero() {
			e.strange = now
		}
		e.next = now.Add(strangeGap)
		if now.Sub(e.strange) < strangeLimit { // a runner that was just started has not told yet
			return
		}
		e.next = now.Add(10 * strangeGap)
		problem := fmt.Sprintf("the lock %s is held by a process that cannot be made out (%v); end it (fuser -v %s shows it), and the plugin is started", e.nook.Lock(), err, e.nook.Lock())
		if e.problem != problem {
			s.log.Error("plugin refused", "plugin", e.name, "problem", problem)
			s.event("refused", e, 0, problem)
			e.problem, e.since = problem, now
		}
		return
	}
	grace := time.Duration(cmp.Or(st.Grace, plugins.DefaultGrace)) // spec.json may be that of the next runner
	e.leftover, e.ran, e.strange, e.problem, e.next = false, true, time.Time{}, "", time.Time{}
	e.run = &run{process: st.Runner, fd: fd, hash: st.Hash, grace: grace + s.o.Grace, began: now, arrived: true}
	if st.Phase == plugins.Stopping { // an earlier busd has told it to, or has died and it was to end then
		e.run.kill = now.Add(e.run.grace)
	}
	s.log.Info("plugin adopted", "plugin", e.name, "runner", st.Runner.PID, "pid", st.Plugin.PID)
	s.event("adopted", e, st.Runner.PID, "")
	go s.watch(e, e.run)
}

func identifyRunner(nook plugins.Nook, name string) (st plugins.State, fd *os.File, err error) {
	if err := plugins.ReadJSON(nook.State(), &st); err != nil {
		return st, nil, err
	}
	if st.Name != name {
		return st, nil, fmt.Errorf("%s is of the plugin %.80q", nook.State(), st.Name)
	}
	if fd, err = openProcess(st.Runner); err != nil {
		return st, nil, err
	}
	if held, err := filelock.Held(nook.Lock()); err != nil || !held {
		fd.Close()
		return st, nil, errors.Join(errors.New("it has just ended"), err)
	}
	return st, fd, nil
}

// prepare writes what a runner needs room for, without a word to one that runs. What is there already takes none: where the file system is full a
// plugin can be started as it was.
func (s *Supervisor) prepare(e *entry) error {
	if err := os.MkdirAll(string(e.nook), 0o700); err != nil {
		return err
	}
	wholefile.RemoveUnfinished(e.nook.Spec())
	if !plugins.IsJSON(e.nook.Spec(), e.found.Spec) {
		if err := plugins.WriteJSON(e.nook.Spec(), e.found.Spec); err != nil {
			return err
		}
	}
	return e.nook.Reserve()
}

// replace tells a runner to stop, if the next one can be started: what runs is better than what does not.
func (s *Supervisor) replace(e *entry, now time.Time) {
	if err := s.prepare(e); err != nil {
		problem := leftRunning(err).Error()
		if e.problem != problem {
			s.log.Error("plugin not replaced", "plugin", e.name, "problem", problem)
		}
		e.problem, e.next = problem, now.Add(replaceGap)
		return
	}
	e.problem, e.next = "", time.Time{}
	s.tell(e, now)
}

// leftRunning is the error of a plugin that is not stopped.
func leftRunning(why error) error {
	return fmt.Errorf("it is left running, because it could not be started again: %w", why)
}

// launch starts a runner.
func (s *Supervisor) launch(e *entry, now time.Time) error {
	spec := e.found.Spec
	if err := s.prepare(e); err != nil {
		return err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if i, err := os.Stat(e.nook.RunnerLog()); err == nil && i.Size() > maxRunnerLog {
		flags |= os.O_TRUNC
	}
	log, err := os.OpenFile(e.nook.RunnerLog(), flags, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	c := exec.Command(s.o.Runner[0], slices.Concat(s.o.Runner[1:], []string{e.nook.Spec()})...)
	c.Dir, c.Stdout, c.Stderr = "/", log, log
	if c.Env = s.o.Env; c.Env == nil {
		c.Env = os.Environ()
	}
	c.Env = slices.DeleteFunc(slices.Clone(c.Env), ours)
	fd, err := start(c)
	if err != nil {
		return err
	}
	process, err := processOf(c.Process.Pid) // a child, which is there until it is waited for
	if err != nil {
		process = plugins.Process{PID: c.Process.Pid}
	}
	e.run = &run{
		process: process, fd: fd, cmd: c, hash: spec.Hash,
		grace: time.Duration(spec.Grace) + s.o.Grace, began: now,
	}
	s.log.Info("runner started", "plugin", e.name, "runner", c.Process.Pid)
	s.event("runner-started", e, c.Process.Pid, "")
	go s.watch(e, e.run)
	return nil
}

// ours says whether a variable is what this process's own service manager tells it.
func ours(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return slices.Contains([]string{plugins.EnvNotify, plugins.EnvWatchdog, "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}, name)
}

// watch waits for the end of a runner, and reaps it if it is a child.
func (s *Supervisor) watch(e *entry, r *run) {
	how := "it was no child of this busd, which cannot know its exit code"
	err := waitFor(r.fd)
	if r.cmd != nil {
		_ = r.cmd.Wait()
		how = r.cmd.ProcessState.String()
	} else if err != nil {
		_ = filelock.Wait(e.nook.Lock()) // slower for the machine, as sure
	}
	s.exits <- exit{e, r, how}
}

// arrive notes that a runner has told its state, or that it takes too long.
func (s *Supervisor) arrive(e *entry, now time.Time) {
	var st plugins.State
	err := plugins.ReadJSON(e.nook.State(), &st)
	switch {
	case err == nil && e.run.is(st.Runner) && st.Phase != "":
		e.run.process, e.run.arrived = st.Runner, true
	case now.Sub(e.run.began) > arrivalLimit:
		e.run.arrived = true
		s.log.Warn("a runner does not tell its state", "plugin", e.name, "runner", e.run.process.PID, "output", e.nook.RunnerLog())
	}
}

// tell tells a runner to stop, and notes when it is killed.
func (s *Supervisor) tell(e *entry, now time.Time) {
	e.run.kill = now.Add(e.run.grace)
	if err := sendSignal(e.run.fd, syscall.SIGTERM); err != nil {
		s.log.Error("a runner cannot be told to stop", "plugin", e.name, "error", err)
		return
	}
	s.log.Info("plugin told to stop", "plugin", e.name, "runner", e.run.process.PID, "grace", e.run.grace)
}

func (s *Supervisor) kill(e *entry, now time.Time) {
	e.run.kill, e.run.killed = now.Add(e.run.grace), true
	s.log.Warn("runner killed: it did not stop in time", "plugin", e.name, "runner", e.run.process.PID)
	if err := sendSignal(e.run.fd, syscall.SIGKILL); err != nil {
		s.log.Error("a runner cannot be killed", "plugin", e.name, "error", err)
	}
}

// exited takes note of the end of a runner.
func (s *Supervisor) exited(x exit) {
	e, r, now := x.e, x.r, time.Now()
	r.fd.Close()
	e.run, e.again, e.since = nil, false, now
	var st plugins.State
	if plugins.ReadJSON(e.nook.State(), &st) != nil || !r.is(st.Runner) {
		st = plugins.State{} // there is none, or it is of a runner that another busd has started
	}
	told := st.Name != "" && st.Hash == r.hash
	switch {
	case !r.kill.IsZero():
		s.log.Info("plugin stopped", "plugin", e.name, "runner", r.process.PID)
		if r.killed {
			s.endPlugin(e, st.Plugin)
		}
		if told && st.Phase == plugins.Failed && e.held { // it had given its plugin up just before
			e.over, e.hash = st.Phase, r.hash
		}
	case e.found != nil && e.found.Spec != nil && e.found.Spec.Hash != r.hash: // it is started anew anyway
	case told && st.Phase == plugins.Stopped && r.cmd == nil && now.Sub(r.began) < r.grace: // as above, unless it had not said so yet
		s.log.Info("plugin was stopped for an earlier busd", "plugin", e.name, "runner", r.process.PID)
	case told && (st.Phase == plugins.Failed || st.Phase == plugins.Stopped && !st.Told):
		e.over, e.hash = st.Phase, r.hash
		s.log.Info("plugin has ended", "plugin", e.name, "phase", st.Phase, "problem", st.Problem)
	default:
		if now.Sub(r.began) > steady {
			e.deaths = 0
		}
		how := x.how
		if told && st.Told {
			how = "somebody else than busd told it to stop"
		}
		s.event("runner-died", e, r.process.PID, how)
		s.endPlugin(e, st.Plugin)
		s.retry(e, now, "the runner died: "+how)
	}
}

// endPlugin ends the plugin that a runner which was killed has left behind: nobody looks after it. The next runner does the same and more,
// but there need not be a next one.
func (s *Supervisor) endPlugin(e *entry, p plugins.Process) {
	fd, err := openProcess(p)
	if err != nil {
		return // it had none, or that has ended too
	}
	defer fd.Close()
	s.log.Warn("plugin killed: its runner is gone", "plugin", e.name, "pid", p.PID)
	if err := killGroup(fd); err != nil {
		s.log.Error("a plugin without a runner cannot be killed", "plugin", e.name, "error", err)
	}
}
