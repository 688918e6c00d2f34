package keeper

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/bus"
	"shmbus/plugins"
)

// Config is the table [keeper] of busd's configuration.
type Config struct {
	// Interval is how often $bus/stats is published; 1s by default, 100ms at least. When nothing has happened on the bus for five intervals it
	// is every third, until something does.
	Interval plugins.Duration `toml:"interval"`
	// Stuck is after how long a publisher is killed that has begun a frame, has not finished it, and holds up others who wait behind it.
	// 0, the default, is never: a stopped process may be continued.
	Stuck plugins.Duration `toml:"stuck"`
}

// Limits of a Config.
const (
	DefaultInterval = plugins.Duration(time.Second)
	MinInterval     = plugins.Duration(100 * time.Millisecond)
	MinStuck        = plugins.Duration(100 * time.Millisecond)
)

// Check says everything that is wrong with the configuration.
func (c Config) Check() error {
	var bad []error
	for _, d := range []struct {
		key       string
		is, least plugins.Duration
	}{{"interval", c.Interval, MinInterval}, {"stuck", c.Stuck, MinStuck}} {
		if d.is != 0 && d.is < d.least {
			bad = append(bad, fmt.Errorf("keeper.%s = %q: at least %q", d.key, time.Duration(d.is), time.Duration(d.least)))
		}
	}
	return errors.Join(bad...)
}

// A Keeper keeps house on a bus.
type Keeper struct {
	config  Config
	bus     *bus.Bus
	sampler *Sampler
	report  *plugins.Reporter
	log     hclog.Logger

	calm   *calm
	stats  stats
	people map[person]bool   // who was there at the last sample
	claims []claim           // seen in the last sweep
	nonces map[string]uint64 // of the segments that were seen last, by name

	mu       sync.Mutex
	trouble  map[string]string // what goes wrong, as logged; guarded by mu
	declared []plugins.Topic   // guarded by mu; not changed
}

// New is a Keeper. The bus must have been opened with bus.WithReserved; the sampler may have other users.
func New(c Config, b *bus.Bus, s *Sampler, r *plugins.Reporter, log hclog.Logger) (*Keeper, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	return &Keeper{config: c, bus: b, sampler: s, report: r, log: log, calm: newCalm(b.Dir()), nonces: make(map[string]uint64), trouble: make(map[string]string)}, nil
}

// Sweeps: when somebody who had joined is gone, which is looked for with each sample, and every ten seconds, for what is left by those who
// died before they had joined. If publishers may be stuck, it is each second, or four times in Config.Stuck if that is less. But sweeps take
// a hundredth of a core at most.
const (
	sweepEvery = 10 * time.Second
	stuckEvery = time.Second
	sweepShare = 100
)

// Run keeps house until ctx is done, and returns nil then. What goes wrong is logged, and tried again: only a closed bus is an error.
func (k *Keeper) Run(ctx context.Context) error {
	pace := time.Duration(k.config.Interval)
	stats := time.NewTicker(pace)
	defer stats.Stop()
	defer k.calm.end()
	sweep := time.NewTimer(0)
	defer sweep.Stop()
	var rested time.Time // until when there is no sweep after the last one
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-k.calm.stirred:
			k.calm.quiet = 0
		case <-stats.C:
			err = k.tell()
			k.note("publish "+plugins.TopicStats, err)
			k.note("make the declared topics again", k.redeclare())
			if k.someoneIsGone() {
				sweep.Reset(time.Until(rested))
			}
		case <-sweep.C:
			start := time.Now()
			err = k.sweep(ctx)
			k.note("sweep", err)
			took := time.Since(start)
			rested = time.Now().Add(sweepShare * took)
			sweep.Reset(max(k.every(), sweepShare*took))
		}
		if errors.Is(err, bus.ErrClosed) {
			return err
		}
		if now := k.calm.pace(time.Duration(k.config.Interval)); now != pace {
			pace = now
			stats.Reset(pace)
		}
	}
}

// every is how often it sweeps if nobody is gone.
func (k *Keeper) every() time.Duration {
	if k.config.Stuck > 0 {
		return min(stuckEvery, time.Duration(k.config.Stuck)/4)
	}
	return sweepEvery
}

// someoneIsGone says whether somebody who had joined at the last call is not there any more.
func (k *Keeper) someoneIsGone() bool {
	there := make(map[person]bool)
	for _, p := range k.stats.sample.Participants {
		there[person{p.Segment, p.Pid, p.Since.UnixNano()}] = true
	}
	gone := false
	for p := range k.people {
		gone = gone || !there[p]
	}
	k.people = there
	return gone
}

// A person is a participant, told from others.
type person struct {
	segment string
	pid     int
	since   int64
}

// note logs what goes wrong, once as long as it stays the same.
func (k *Keeper) note(what string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	k.mu.Lock()
	fresh := text != "" && text != k.trouble[what]
	k.trouble[what] = text
	k.mu.Unlock()
	if fresh {
		k.log.Warn("could not "+what, "error", err)
	}
}

// event tells what has happened, on the bus and in the log.
func (k *Keeper) event(level hclog.Level, e plugins.Event) {
	k.log.Log(level, e.Detail, "event", e.Event, "pid", e.PID)
	k.note("publish "+plugins.TopicEvents, k.report.Event(e))
}

// mostTold is how many things that were taken back are told of one by one, after one sweep.
const mostTold = 20

// sweep takes back what the dead have left, and sees to those who are stuck.
func (k *Keeper) sweep(ctx context.Context) error {
	found, err := k.bus.Doctor()
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.Reapable() { // otherwise there is no need to look again, and again after it
			err = k.reap()
			break
		}
	}
	if k.config.Stuck > 0 {
		k.killStuck(ctx, found)
	}
	return err
}

func (k *Keeper) reap() error {
	freed, err := k.bus.Reap()
	for i, f := range freed {
		detail := "taken back: " + f.Text
		if f.Topic != "" {
			detail = fmt.Sprintf("taken back on %s: %s", f.Topic, f.Text)
		}
		if i == mostTold {
			detail = fmt.Sprintf("taken back: %d things more", len(freed)-mostTold)
		}
		k.event(hclog.Info, plugins.Event{Event: "reaped", PID: f.Pid, Detail: detail})
		if i == mostTold {
			break
		}
	}
	return err
}
