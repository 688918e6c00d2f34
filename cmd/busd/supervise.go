package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/internal/cli"
	"shmbus/internal/dash"
	"shmbus/internal/filelock"
	"shmbus/internal/journal"
	"shmbus/internal/keeper"
	"shmbus/plugins"
	"shmbus/plugins/supervise"
	"shmbus/segment"
)

// A part is something that busd does as long as it runs: until ctx is done, when it returns nil.
type part interface {
	Run(ctx context.Context) error
}

type partFunc func(ctx context.Context) error

func (f partFunc) Run(ctx context.Context) error { return f(ctx) }

// An engine is a running busd: what its parts share.
type engine struct {
	*settings
	levelGiven bool // on the command line
	bus        *bus.Bus
	report     *plugins.Reporter
	log        *logger
	plugins    *supervise.Supervisor
	control    *supervise.Control
	house      *keeper.Keeper
	page       *dash.Dash
	hup        chan os.Signal
	locks      []*filelock.Lock // that of the place, and that of the bus
}

func (a *app) runCommand() *cobra.Command {
	var logLevel string
	var logJSON bool
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the plugins until a signal says to stop",
		Long: `Run runs the plugins in the plugin directory, and goes on until it gets SIGTERM or
SIGINT. Then it stops them all: each gets SIGTERM, and SIGKILL after its grace
time. A second signal ends busd at once, and plugins go on.

There is one busd for a bus, whatever its state directory is. SIGHUP reads
busd.toml and looks at the plugins at once. Plugins of a busd that was killed go
on, and the next one adopts them.

It logs to standard error, to busd.log in its state directory (.busd in the bus
directory) and to $bus/log/busd on the bus. Started by systemd, it says when it is
ready, how things are, and that it lives.`,
		Example: `  busd run
  busd run --bus /dev/shm/robot --plugins ./plugins --log-level debug`,
		Args: cli.Nothing,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.settings(c)
			if err != nil {
				return err
			}
			given := c.Flags().Changed("log-level")
			if given {
				if s.level, err = level(logLevel); err != nil {
					return usage(c, "%v", err)
				}
			}
			s.Log.JSON = s.Log.JSON || logJSON
			return a.supervise(c.Context(), s, given)
		},
	}
	c.Flags().StringVar(&logLevel, "log-level", "", "log what is of this `level` or above: trace, debug, info, warn, error (default info)")
	c.Flags().BoolVar(&logJSON, "log-json", false, "log JSON lines to standard error")
	return c
}

// supervise is 'busd run'. It is content with one processor: it is idle nearly always, and with more each of its ticks would wake several
// threads up, one after the other, which takes longer than what it does.
func (a *app) supervise(ctx context.Context, s *settings, levelGiven bool) error {
	e := &engine{settings: s, levelGiven: levelGiven, hup: make(chan os.Signal, 1)}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	signal.Notify(e.hup, syscall.SIGHUP) // from the beginning: it would be deadly
	defer signal.Stop(e.hup)
	if err := segment.MakeDir(s.Bus, segment.Options{}); err != nil {
		return err
	}
	place, err := lockPlace(ctx, s)
	if err != nil {
		return err
	}
	defer place.Close()
	whole, err := lockBus(ctx, s)
	if err != nil {
		return err
	}
	defer whole.Close()
	e.locks = []*filelock.Lock{place, whole}
	if e.bus, err = bus.Open(s.Bus, bus.WithReserved()); err != nil {
		return err
	}
	defer e.bus.Close()
	e.report = plugins.NewReporter(e.bus)
	defer e.report.Close()
	a.stream = journal.NewStream(a.errOut, "busd", s.Log.JSON) // who does not read it holds nothing up
	a.errOut = a.stream
	if e.log, err = newLogger(a.errOut, s.place.Log(), s.Log.JSON, s.level, e.report); err != nil {
		return err
	}
	defer e.log.Close()
	parts, err := e.parts()
	if err != nil {
		return err
	}
	e.log.Info("busd begins", "pid", os.Getpid(), "bus", s.Bus, "plugins", s.Plugins, "config", s.from(), "version", version())
	e.event("busd-started")
	if err = together(ctx, parts); err != nil {
		e.log.Error("busd cannot go on", "error", err)
	}
	e.event("busd-stopped")
	e.log.Info("busd ends")
	return err
}

// parts is all that a busd does.
func (e *engine) parts() ([]part, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if e.plugins, err = supervise.New(supervise.Options{
		Bus: e.Bus, Place: e.place, Dir: e.settings.Plugins, Runner: []string{self, "runner"}, Logger: e.log.Named("plugins"), Reporter: e.report,
		Mine: e.mine,
	}); err != nil {
		return nil, err
	}
	if e.control, err = e.plugins.Listen(); err != nil {
		return nil, err
	}
	sampler := keeper.NewSampler(e.bus, e.plugins)
	house, err := keeper.New(e.Keeper, e.bus, sampler, e.report, e.log.Named("keeper"))
	if err != nil {
		return nil, err
	}
	e.house = house
	e.declare(e.Topics)
	if e.page, err = dash.New(e.Web, e.place, e.bus, sampler, version(), e.log.Named("web")); err != nil {
		return nil, err
	}
	return []part{
		partFunc(func(ctx context.Context) error { return e.plugins.Run(ctx, e.ready) }),
		e.control,
		house,
		e.page,
		partFunc(e.reloads),
		partFunc(e.tellSystemd),
		partFunc(e.keep),
	}, nil
}

// together runs all parts until ctx is done, or until one of them ends, which ends the others. It returns the first error.
func together(ctx context.Context, parts []part) (first error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends := make(chan error, len(parts))
	for _, p := range parts {
		go func() { ends <- p.Run(ctx) }()
	}
	for range parts {
		if err := <-ends; first == nil {
			first = err
		}
		cancel()
	}
	return first
}

// reloads reads the configuration and looks at the plugins whenever SIGHUP comes.
func (e *engine) reloads(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.hup:
		}
		e.notify(reloading())
		e.reload()
		_ = e.plugins.Reload() // its only error is that busd stops
		e.ready()
	}
}

// reload takes what can be changed while busd runs. A configuration that is wrong changes nothing.
func (e *engine) reload() {
	now := &settings{file: e.file, may: e.may, level: hclog.Info}
	err := now.read()
	e.log.Info("reload", "config", now.from())
	if err != nil {
		e.log.Error("the configuration is wrong; that of before stays", "error", err)
		return
	}
	if !e.levelGiven {
		e.log.SetLevel(now.level)
	}
	e.declare(now.Topics)
}

// declare makes the topics that the configuration has.
func (e *engine) declare(topics []plugins.Topic) {
	if err := e.house.Declare(topics); err != nil {
		e.log.Warn("not all topics are as declared", "error", err)
	}
}

func (e *engine) event(word string) {
	if err := e.report.Event(plugins.Event{Event: word, PID: os.Getpid()}); err != nil {
		e.log.Warn("an event could not be published", "event", word, "error", err)
	}
}
