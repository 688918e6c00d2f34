package supervise

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/plugins"
)

// Options are those of a Supervisor.
type Options struct {
	Bus      string        // the bus directory, absolute
	Place    plugins.Place // absolute
	Dir      string        // the plugin directory, absolute; it need not be there
	Runner   []string      // what starts a runner: program and arguments; the path of a Spec is put behind them
	Env      []string      // of the runners; nil: that of this process
	Logger   hclog.Logger
	Reporter *plugins.Reporter // for events; nil: none are published
	Grace    time.Duration     // how much longer than its plugin a runner may take to end; 0: two seconds
	Mine     func() error      // says why the place is not the caller's any more: somebody has removed its lock; nil: it always is
}

const (
	defaultGrace = 2 * time.Second
	debounce     = 150 * time.Millisecond // from a change in the directory to a look at it: changes come in crowds
	unsettledGap = 100 * time.Millisecond // between looks while files are being written
	watchedGap   = 3 * time.Second        // between looks at a directory that is watched
	unwatchedGap = 500 * time.Millisecond // and at one that is not
	maxTales     = 1024                   // events that wait to be published
)

// ErrClosed is returned by the methods of a Supervisor that does not run any more.
var ErrClosed = errors.New("busd is stopping")

// ErrNoPlugin is wrapped by errors over a name that no plugin has.
var ErrNoPlugin = errors.New("no such plugin")

// A Supervisor keeps the plugins of a directory running. Run does the work; the other methods are for any goroutine while it does.
type Supervisor struct {
	o     Options
	log   hclog.Logger
	calls chan func()
	exits chan exit
	tales chan plugins.Event // to be published
	waits chan struct{}      // a place for each talk that waits for plugins
	done  chan struct{}      // closed when Run returns

	// What follows belongs to the goroutine of Run.
	entries  map[string]*entry
	scanner  *scanner
	problem  string // with the directory
	looked   bool   // the directory was read: who was not found in it is not there
	nextScan time.Time
	stopping bool
	lost     error // why the place is not this busd's any more
}

// New makes a Supervisor. It touches nothing yet. Its caller holds the lock of the place, and goes on holding it until Run returns.
func New(o Options) (*Supervisor, error) {
	if !supported {
		return nil, fmt.Errorf("plugins are supervised on Linux only: %w", errors.ErrUnsupported)
	}
	if err := plugins.CheckProc(); err != nil {
		return nil, err
	}
	for _, path := range []string{o.Bus, string(o.Place), o.Dir} {
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("%q is no absolute path", path)
		}
	}
	if len(o.Runner) == 0 {
		return nil, errors.New("no command to start a runner with")
	}
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	if o.Mine == nil {
		o.Mine = func() error { return nil }
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	return &Supervisor{
		o: o, log: o.Logger, calls: make(chan func()), exits: make(chan exit), tales: make(chan plugins.Event, maxTales), waits: make(chan struct{}, maxWaits), done: make(chan struct{}),
		entries: make(map[string]*entry), scanner: newScanner(o.Dir, o.Bus, o.Place),
	}, nil
}

// Run adopts the runners that are alive, starts those that are missing, and goes on until ctx is done. Then it stops them all, and
// returns when the last has ended; so it does, with that error, when the place is not its own any more. It calls ready once it answers. Call it once.
func (s *Supervisor) Run(ctx context.Context, ready func()) error {
	defer close(s.done)
	var telling sync.WaitGroup
	telling.Go(s.publish)
	defer telling.Wait()
	defer close(s.tales)
	if err := keepFiles(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.o.Place.Plugins(), 0o700); err != nil {
		return err
	}
	w := newWatcher(s.o.Dir, s.log)
	defer w.close()
	if err := s.leftovers(); err != nil {
		return err
	}
	s.scan(w, time.Now())
	if ready != nil {
		go ready() // it may call back
	}
	for told := ctx.Done(); ; {
		now := time.Now()
		s.look()
		if !s.stopping && !now.Before(s.nextScan) {
			s.scan(w, now)
		}
		next := s.step(now)
		if s.stopping && s.idle() {
			return s.lost
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-told:
			s.stopping, told = true, nil
		case f := <-s.calls:
			f()
		case x := <-s.exits:
			s.exited(x)
		case <-w.changes:
			s.scanBy(time.Now().Add(debounce))
		case <-timer.C:
		}
		timer.Stop()
	}
}

// look sees whether the place is still this busd's. When it is not, what is there now, or soon, is the next busd's: this one ends its own runners, and
// neither adopts nor starts nor tidies up.
func (s *Supervisor) look() {
	if s.lost != nil {
		return
	}
	if s.lost = s.o.Mine(); s.lost == nil {
		return
	}
	s.stopping = true
	for _, e := range s.entries {
		e.leftover = false
	}
}

// scan looks at the directory and notes what is to be there.
func (s *Supervisor) scan(w *watcher, now time.Time) {
	gap := unwatchedGap
	if w.ensure() {
		gap = watchedGap
	}
	all, err := s.scanner.scan(now)
	s.directory(cmp.Or(err, s.scanner.refused))
	if err != nil { // what runs, goes on
		s.nextScan = now.Add(gap)
		return
	}
	s.looked = true
	for name, f := range all {
		if f.Unsettled {
			gap = unsettledGap
		}
		e := s.entries[name]
		if e == nil {
			e = s.add(name)
		}
		s.note(e, f)
	}
	for name, e := range s.entries {
		if _, ok := all[name]; !ok {
			e.found = nil
		}
	}
	s.nextScan = now.Add(gap)
}

// directory notes what is wrong with the directory as a whole.
func (s *Supervisor) directory(err error) {
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	if problem != s.problem && problem != "" {
		s.log.Error("nothing of the plugin directory is started; what runs goes on", "problem", problem)
	}
	s.problem = problem
}

// scanBy sees to it that the directory is looked at by a time.
func (s *Supervisor) scanBy(t time.Time) {
	if t.Before(s.nextScan) {
		s.nextScan = t
	}
}

func (s *Supervisor) add(name string) *entry {
	e := &entry{name: name, nook: s.o.Place.Plugin(name), since: time.Now()}
	s.entries[name] = e
	return e
}

// idle says whether no runner is left.
func (s *Supervisor) idle() bool {
	for _, e := range s.entries {
		if e.run != nil {
			return false
		}
	}
	return true
}

// starters is how many runners may be on their way up at once.
func starters() int { return max(4, 2*runtime.NumCPU()) }

// call has f done by the goroutine of Run, and waits for it.
func (s *Supervisor) call(f func()) error {
	finished := make(chan struct{})
	select {
	case s.calls <- func() { f(); close(finished) }:
		<-finished
		return nil
	case <-s.done:
		return ErrClosed
	}
}

// Alive returns nil when the goroutine of Run is at work: it is what a watchdog asks.
func (s *Supervisor) Alive() error { return s.call(func() {}) }

// Reload looks at the plugin directory at once.
func (s *Supervisor) Reload() error { return s.call(func() { s.nextScan = time.Time{} }) }

// Problem is what is wrong with the plugin directory as a whole; "" if nothing is.
func (s *Supervisor) Problem() (p string) {
	_ = s.call(func() { p = s.problem })
	return p
}

// Plugins is all plugins as they are now, sorted by name: what their runners tell, and what there is to say of those that have none.
func (s *Supervisor) Plugins() []plugins.State {
	var views []view
	_ = s.call(func() {
		for _, name := range slices.Sorted(maps.Keys(s.entries)) {
			views = append(views, s.entries[name].view())
		}
	})
	all := make([]plugins.State, len(views))
	for i, v := range views {
		all[i] = v.state()
	}
	return all
}

// Restart stops a plugin, if it runs, and starts it anew, also one that was given up or stopped. It does not wait for that. A plugin that
// runs and could not be started again, because its files are refused or there is no room for what busd writes, is left alone, and that is an error.
// One whose files are being written runs on until they are whole, or for good if they are refused then.
func (s *Supervisor) Restart(name string) error {
	return s.with(name, func(e *entry) error {
		if e.run != nil && e.found != nil {
			err := e.found.Problem
			if err == nil && e.found.Spec != nil {
				err = s.prepare(e)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, leftRunning(err))
			}
		}
		e.start()
		e.again = e.run != nil
		return nil
	})
}

// Start starts a plugin that was given up, has ended or was stopped. One that runs is left alone.
func (s *Supervisor) Start(name string) error {
	return s.with(name, func(e *entry) error { e.start(); return nil })
}

// Stop stops a plugin. It stays stopped until Start or Restart, until it changes, or until the next busd. It does not wait for its end.
func (s *Supervisor) Stop(name string) error {
	return s.with(name, func(e *entry) error { e.stop(); return nil })
}

func (s *Supervisor) with(name string, f func(*entry) error) error {
	err := fmt.Errorf("%w: %.80q", ErrNoPlugin, name)
	if e := s.call(func() {
		if s.look(); s.lost != nil {
			err = s.lost
		} else if e := s.entries[name]; e != nil {
			err = f(e)
		}
	}); e != nil {
		return e
	}
	return err
}

// settled says whether nothing is under way with a plugin: it runs and is ready, or it does not run and is not to.
func (s *Supervisor) settled(name string) bool {
	var v view
	ok := true // of one that is gone
	err := s.call(func() {
		if e := s.entries[name]; e != nil {
			v, ok = e.view(), s.rests(e)
		}
	})
	return err != nil || ok && v.state().Phase != plugins.Starting
}
