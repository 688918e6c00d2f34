package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"shmbus/bus"
)

// delayOptions are the flags of delay.
type delayOptions struct {
	count    int64
	duration time.Duration
	interval time.Duration
	spin     bool
	json     bool
}

func (a *app) delayCommand() *cobra.Command {
	o := &delayOptions{}
	c := &cobra.Command{
		Use:   "delay TOPIC",
		Short: "Measure how long frames take from publisher to subscriber",
		Long: `Delay reads a topic as a tap, and measures how long each frame took from the
moment its publisher committed it to the moment it was received here. It prints
a line each second, and at the end, by -n, --duration or Ctrl-C, a histogram.

While nothing comes it says so once; with --json it goes on. If no frame has come
at all, there is no histogram in the end, and --duration ends with exit code 1.

Both moments are by the one clock of this machine, so the difference is exact but
for the two looks at the clock; if the clock is set meanwhile, frames that seem
to come before they went are counted as 0 and reported. What is measured is also
how quickly this program wakes up: with --spin it does not sleep, and takes
a whole CPU. Frames published in one batch share their time, so that later ones
seem to take longer. Percentiles are right within half a percent.

A topic made without time cannot be measured.`,
		Example: `  buscat delay sensors/imu/0
  buscat delay --spin -n 100000 ticks
  buscat delay --json --duration 10s ticks | jq 'select(.final).p99_ns'
  yes | buscat pub --rate 1000 ticks               something to measure`,
		Args: oneTopic,
		RunE: func(c *cobra.Command, args []string) error { return a.runDelay(c, args[0], o) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.Int64VarP(&o.count, "count", "n", 0, "stop after `N` frames (default: go on for ever)")
	f.DurationVar(&o.duration, "duration", 0, "stop after this time, 10s say (default: go on for ever)")
	f.DurationVar(&o.interval, "interval", time.Second, "print so often")
	f.BoolVar(&o.spin, "spin", false, "do not sleep between frames")
	f.BoolVar(&o.json, "json", false, "print JSON objects, one a line")
	return c
}

func (a *app) runDelay(c *cobra.Command, topic string, o *delayOptions) error {
	if err := checkLimits(c, o.count, o.duration, o.interval); err != nil {
		return err
	}
	b, err := a.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	defer watchReader(a.out, func() { cancel(errOutputClosed) })()
	if o.duration > 0 {
		timer := time.AfterFunc(o.duration, func() { cancel(errMeasured) })
		defer timer.Stop()
	}
	options := []bus.SubscribeOption{bus.ReadOnly(), bus.OnWait(func() { a.say("waiting for topic %q on %s", topic, b.Dir()) })}
	if o.spin {
		options = append(options, bus.Spin())
	}
	s, err := b.Subscribe(ctx, topic, options...)
	if err != nil && ctx.Err() == nil {
		return err
	}
	d := &delay{app: a, delayOptions: *o, topic: topic, left: math.MaxInt64}
	if o.count > 0 {
		d.left = o.count
	}
	if s != nil {
		defer s.Close()
		d.sub = s
		err = d.receive(ctx)
	}
	cause := context.Cause(ctx)
	switch {
	case errors.Is(err, errOutputClosed), errors.Is(cause, errOutputClosed):
		return errOutputClosed
	case err != nil && cause == nil && !errors.Is(err, errMeasured):
		return err
	}
	if d.all.Count()+d.now.Count() > 0 {
		return d.end()
	}
	if c.Context().Err() == nil {
		return fmt.Errorf("no frame has come in %v on %s", o.duration, topic)
	}
	return interrupted(c.Context(), c.Context().Err())
}

// A delay is one run of delay.
type delay struct {
	*app
	delayOptions
	topic string
	sub   *bus.Subscriber
	left  int64
	now   histogram // since the last line
	all   histogram // before that
	early uint64    // frames that came before they went
	lost  uint64    // before the last line
	idle  bool      // the user has been told that nothing comes
}

// receive measures until ctx is done, and prints a line now and then.
func (d *delay) receive(ctx context.Context) error {
	next := time.Now().Add(d.interval)
	for {
		if err := d.until(ctx, next); err != nil {
			return err
		}
		if err := d.line(); err != nil {
			return err
		}
		for now := time.Now(); !next.After(now); {
			next = next.Add(d.interval)
		}
	}
}

// until measures until it is time for the next line.
func (d *delay) until(ctx context.Context, next time.Time) error {
	tick, stop := context.WithDeadline(ctx, next)
	defer stop()
	for {
		f, err := d.sub.TryReceive()
		if f == nil && err == nil {
			f, err = d.sub.Receive(tick)
		}
		now := time.Now()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, context.DeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
		if err := d.measure(f, now); err != nil {
			return err
		}
		if d.left == 0 {
			return errMeasured
		}
		if !now.Before(next) {
			return nil
		}
	}
}

// measure takes notice of a frame that came now.
func (d *delay) measure(f *bus.Frame, now time.Time) error {
	at := f.Time()
	f.Release()
	if at.IsZero() {
		return fmt.Errorf("the frames of topic %q have no time: it was made without; make it again with time, or measure it with 'buscat hz'", d.topic)
	}
	took := now.UnixNano() - at.UnixNano() // by the clock that both look at
	if took < 0 {
		d.early++
		took = 0
	}
	d.now.add(took)
	d.left--
	return nil
}

// delayJSON is a line of delay --json.
type delayJSON struct {
	Topic     string `json:"topic"`
	Count     uint64 `json:"count"`
	Min       int64  `json:"min_ns"`
	P50       int64  `json:"p50_ns"`
	P90       int64  `json:"p90_ns"`
	P99       int64  `json:"p99_ns"`
	P999      int64  `json:"p999_ns"`
	Max       int64  `json:"max_ns"`
	Lost      uint64 `json:"lost"`
	Early     uint64 `json:"early,omitempty"`
	Final     bool   `json:"final,omitempty"`
	Histogram []row  `json:"histogram,omitempty"`
}

func newDelayJSON(topic string, h *histogram, lost uint64) delayJSON {
	return delayJSON{
		Topic: topic, Count: h.Count(), Min: int64(h.Min()), P50: h.quantile(0.5), P90: h.quantile(0.9), P99: h.quantile(0.99), P999: h.quantile(0.999),
		Max: int64(h.Max()), Lost: lost,
	}
}

// line prints what came since the last line.
func (d *delay) line() error {
	lost := d.sub.Lost()
	j := newDelayJSON(d.topic, &d.now, lost-d.lost)
	d.lost = lost
	d.all.merge(&d.now)
	d.now = histogram{}
	idle := d.idle
	d.idle = j.Count == 0
	if d.idle && idle && !d.json {
		return nil
	}
	return d.print(j, nil)
}

// end prints what came in all.
func (d *delay) end() error {
	d.all.merge(&d.now)
	j := newDelayJSON(d.topic, &d.all, d.sub.Lost())
	j.Early, j.Final, j.Histogram = d.early, true, d.all.drawn()
	if d.early > 0 {
		d.say("%s came before they went: somebody has set the clock; they count as 0", frames(d.early))
	}
	return d.print(j, &d.all)
}

// print prints a line, and draws a histogram if there is one.
func (d *delay) print(j delayJSON, h *histogram) error {
	var b bytes.Buffer
	switch {
	case d.json:
		text, err := marshal(j)
		if err != nil {
			return err
		}
		b.Write(append(text, '\n'))
	case j.Count == 0:
		b.WriteString("no new frames\n")
	default:
		if h != nil {
			b.WriteByte('\n')
			h.draw(&b)
			b.WriteString("\nin all: ")
		}
		ns := func(n int64) string { return nice(float64(n)) }
		fmt.Fprintf(&b, "%s, min %s p50 %s p90 %s p99 %s p99.9 %s max %s",
			frames(j.Count), ns(j.Min), ns(j.P50), ns(j.P90), ns(j.P99), ns(j.P999), ns(j.Max))
		if j.Lost > 0 {
			fmt.Fprintf(&b, ", %d lost", j.Lost)
		}
		b.WriteByte('\n')
	}
	_, err := d.out.Write(b.Bytes())
	return outputError(err)
}
