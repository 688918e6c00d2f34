package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/bus"
	"shmbus/internal/filelock"
	"shmbus/internal/wholefile"
	"shmbus/plugins"
)

// A runner runs one plugin. Its methods are for Run's goroutine, except where they say something else.
type runner struct {
	spec     *plugins.Spec
	nook     plugins.Nook
	lock     *filelock.Lock
	bus      *bus.Bus
	report   *plugins.Reporter
	log      *pluginLog
	board    *board
	policy   policy
	starter  starter
	cgroup   *cgroup        // of the plugin's present life
	children chan os.Signal // a child has ended
	main     mainProcess
	pid      atomic.Int64 // of the main process, for events
}

// A mainProcess is the process that was started, of all those of the plugin.
type mainProcess struct {
	pid    int // 0: none
	handle int // pidfd
	exited bool
	status unix.WaitStatus
}

// close closes the handle. What is known of the process stays known.
func (m *mainProcess) close() {
	if m.pid != 0 {
		unix.Close(m.handle)
		m.pid, m.handle = 0, -1
	}
}

// errOrphaned is why a runner stops its plugin when busd has died.
var errOrphaned = errors.New("busd has died")

// Run runs the plugin of the Spec in the file at path, in this process, which is to do nothing else: all its children are the plugin's,
// and those whose parents have ended are adopted. It returns when the plugin is not run any more: with nil when ctx is done, when the plugin
// has ended as it was to, or when busd has died and its Spec says that it is to end then; with a *GivenUpError, ErrRunning, filelock.ErrRemoved when
// the runner's lock was removed, or what else is wrong.
func Run(ctx context.Context, path string) error {
	light()
	if err := plugins.CheckProc(); err != nil {
		return err
	}
	spec, nook, err := readSpec(path)
	if err != nil {
		return err
	}
	lock, err := filelock.Try(nook.Lock())
	if errors.Is(err, filelock.ErrHeld) {
		return fmt.Errorf("plugin %s: %w, which holds %s", spec.Name, ErrRunning, nook.Lock())
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := lock.File().Truncate(0); err == nil {
		_, _ = fmt.Fprintln(lock.File(), os.Getpid()) // for people
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("adopt the plugin's processes: %w", err)
	}
	b, err := bus.Open(spec.Bus, bus.WithReserved())
	if err != nil {
		return err
	}
	defer b.Close()
	report := plugins.NewReporter(b)
	defer report.Close()
	log, err := newLog(nook.Log(), spec.Name, report)
	if err != nil {
		return err
	}
	defer log.Close()
	r := &runner{
		spec: spec, nook: nook, lock: lock, bus: b, report: report, log: log, policy: policy{Restart: spec.Restart},
		board:   &board{nook: nook, mine: lock.Check, log: log.of("runner")},
		starter: newStarter(), children: make(chan os.Signal, 1),
	}
	signal.Notify(r.children, unix.SIGCHLD)
	defer signal.Stop(r.children)
	// Who has told the runner to stop may do so again: that must not end the runner before its plugin.
	again := make(chan os.Signal, 1)
	signal.Notify(again, unix.SIGTERM, unix.SIGINT)
	defer signal.Stop(again)
	return r.run(ctx)
}

// light makes this a small process: it copies bytes, and its heap is small. It has two Ps also with one CPU: the only one would be taken from who sleeps in
// a system call, and have to be looked for after it.
func light() {
	runtime.GOMAXPROCS(2)
	debug.SetGCPercent(50)
}

// readSpec reads a Spec, and checks what busd has not checked for this runner.
func readSpec(path string) (*plugins.Spec, plugins.Nook, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, "", err
	}
	spec := &plugins.Spec{}
	if err := plugins.ReadJSON(path, spec); err != nil {
		return nil, "", err
	}
	bad := func(format string, args ...any) (*plugins.Spec, plugins.Nook, error) {
		return nil, "", fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...))
	}
	if err := plugins.CheckPluginName(spec.Name); err != nil {
		return bad("%v", err)
	}
	if !filepath.IsAbs(spec.Bus) || !filepath.IsAbs(string(spec.Place)) || !filepath.IsAbs(spec.Dir) {
		return bad("bus %q, place %q and dir %q have to be absolute", spec.Bus, spec.Place, spec.Dir)
	}
	nook := spec.Place.Plugin(spec.Name)
	if here, err := os.Stat(path); err != nil {
		return nil, "", err
	} else if there, err := os.Stat(nook.Spec()); err != nil || !os.SameFile(here, there) {
		return bad("it is of plugin %s in %s, and its place is %s", spec.Name, spec.Place, nook.Spec())
	}
	for _, t := range append(slices.Clone(spec.Topics), plugins.Topic{Name: spec.Topic}) {
		if plugins.Reserved(t.Name) {
			return bad("topic %q is busd's", t.Name)
		}
	}
	if len(spec.Command) == 0 && spec.Executable == "" && spec.Builtin == "" {
		return bad("nothing to be run")
	}
	for name, d := range map[string]plugins.Duration{
		"ready": spec.Ready, "grace": spec.Grace, "restart.first": spec.Restart.First, "restart.most": spec.Restart.Most, "restart.steady": spec.Restart.Steady,
	} {
		if d <= 0 {
			return bad("%s = %v: a time is needed", name, time.Duration(d))
		}
	}
	return spec, nook, nil
}

// run runs the plugin until it is not run any more.
func (r *runner) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go r.keep(ctx, stop)
	err := r.lives(ctx, stop)
	if why := context.Cause(ctx); errors.Is(why, filelock.ErrRemoved) {
		return fmt.Errorf("plugin %s is stopped, because no busd would find this runner any more: %w", r.spec.Name, why)
	}
	return err
}

// keepEvery is how often a runner looks whether its files are still there.
const keepEvery = 2 * time.Second

// keep writes anew what others have removed. When that is the lock it stops the plugin: the next busd does not find this runner, and starts another.
func (r *runner) keep(ctx context.Context, stop context.CancelCauseFunc) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := r.lock.Check(); err != nil {
			stop(err)
		}
		r.board.keep()
		_ = r.log.file.Keep() // if it cannot be made now, it is later
	}
}

// lives runs the plugin again and again.
func (r *runner) lives(ctx context.Context, stop context.CancelCauseFunc) error {
	var old plugins.State
	if err := plugins.ReadJSON(r.nook.State(), &old); err != nil && !errors.Is(err, os.ErrNotExist) {
		r.log.of("runner").Warn("the state of an earlier runner cannot be read", "error", err)
	}
	wholefile.RemoveUnfinished(r.nook.State())
	self, err := identity(os.Getpid())
	if err != nil {
		return err
	}
	r.board.phase(plugins.Starting, func(s *plugins.State) {
		*s = plugins.State{
			Name: r.spec.Name, Hash: r.spec.Hash, Runner: self, Contract: r.spec.Contract, Grace: r.spec.Grace,
			Plugin: old.Plugin, // until it is known to have ended: the next runner knows of it by that alone
		}
	})
	if r.spec.Orphan == "stop" {
		go func() {
			if err := filelock.Wait(r.spec.Place.Lock()); err != nil {
				r.log.of("runner").Error("the end of busd cannot be waited for; the plugin goes on without it", "error", err)
				return
			}
			stop(errOrphaned)
		}()
	}
	o := r.clean(ctx, func() (int, error) {
		if err := r.lock.Check(); err != nil { // the plugin that is found may be another runner's
			stop(err)
			return 0, err
		}
		return killLeftovers(r.spec, old)
	})
	for ctx.Err() == nil {
		if err := r.lock.Check(); err != nil { // another runner may have ended the plugin, to start it itself
			stop(err)
			break
		}
		if o = r.live(ctx); o.asked && !o.fatal {
			return r.stopped(o.problem)
		}
		what, pause := r.policy.after(o)
		switch what {
		case finished:
			return r.stopped("")
		case givenUp:
			return r.giveUp(o.problem)
		}
		if r.pause(ctx, o, pause) {
			r.board.set(func(s *plugins.State) { s.Restarts++ })
			r.event(Restarting, o.problem)
		}
	}
	r.told(ctx)
	return r.stopped(o.problem)
}

// clean ends what an earlier runner has left. Before that the plugin must not be started; it is tried for ever, for it is no failure of the plugin. The
// outcome is that of the last try.
func (r *runner) clean(ctx context.Context, kill func() (int, error)) (o outcome) {
	for {
		n, err := kill()
		if n > 0 {
			r.event(Leftovers, fmt.Sprintf("%d of an earlier runner", n))
		}
		if err == nil {
			r.policy.steady()
			r.board.set(func(s *plugins.State) { s.Plugin = plugins.Process{} })
			return outcome{}
		}
		o.problem = err.Error()
		r.policy.tries, r.policy.short = r.policy.tries+1, r.policy.short+1
		if !r.pause(ctx, o, r.policy.pause()) {
			return o
		}
	}
}

// pause waits before the plugin is started again; false if it is not to be.
func (r *runner) pause(ctx context.Context, o outcome, pause time.Duration) bool {
	next := time.Now().Add(pause)
	r.board.phase(plugins.Backoff, func(s *plugins.State) { s.Problem, s.Tries, s.Next = o.problem, r.policy.tries, next })
	how := fmt.Sprintf("it is started again in %v", pause.Round(time.Millisecond))
	if o.problem != "" {
		how = fmt.Sprintf("%s; failure %d: %s", how, r.policy.tries, o.problem)
	}
	r.event(Backoff, how)
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// told says that the runner was told to stop.
func (r *runner) told(ctx context.Context) {
	if why := context.Cause(ctx); errors.Is(why, errOrphaned) || errors.Is(why, filelock.ErrRemoved) {
		r.event(Orphaned, why.Error())
	}
	r.board.phase(plugins.Stopping, func(s *plugins.State) { s.Next, s.Told = time.Time{}, true })
	r.event(Stopping, "")
}

func (r *runner) stopped(problem string) error {
	r.board.phase(plugins.Stopped, func(s *plugins.State) { s.Problem = problem })
	r.event(Stopped, problem)
	return nil
}

func (r *runner) giveUp(problem string) error {
	r.board.phase(plugins.Failed, func(s *plugins.State) { s.Problem, s.Tries = problem, r.policy.tries })
	err := &GivenUpError{r.spec.Name, r.policy.tries, problem}
	r.event(GivenUp, err.Error())
	return err
}

// event publishes an event, and logs it. It is safe for concurrent use.
func (r *runner) event(name, detail string) {
	pid := int(r.pid.Load())
	log := r.log.of("runner")
	say := log.Info
	if failures[name] {
		say = log.Warn
	}
	say(name, "pid", pid, "detail", detail)
	if err := r.report.Event(plugins.Event{Event: name, Plugin: r.spec.Name, PID: pid, Detail: detail}); err != nil {
		log.Warn("the event is not on the bus", "event", name, "error", err)
	}
}
