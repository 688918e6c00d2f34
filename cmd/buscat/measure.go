package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"shmbus/bus"
)

// errMeasured ends a measurement that is over.
var errMeasured = errors.New("measured enough")

// A gauge is what hz and bw do not share.
type gauge struct {
	text   func(s span) string // of a line
	object func(r reading) any // to be printed as JSON
}

// A reading is what a meter says.
type reading struct {
	topic  string
	now    span // since the reading before
	window span
	total  span
	final  bool // at the end: the window is all
}

// measureOptions are the flags of hz and bw.
type measureOptions struct {
	count    int64
	duration time.Duration
	interval time.Duration
	window   time.Duration
	json     bool
}

func (o *measureOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.Int64VarP(&o.count, "count", "n", 0, "stop after `N` frames, over all topics (default: go on for ever)")
	f.DurationVar(&o.duration, "duration", 0, "stop after this time, 10s say (default: go on for ever)")
	f.DurationVar(&o.interval, "interval", time.Second, "print so often")
	f.DurationVar(&o.window, "window", 10*time.Second, "what is printed is about the time before")
	f.BoolVar(&o.json, "json", false, "print a JSON object for each topic, one a line")
}

// checkLimits says what is wrong with the flags that hz, bw and delay have in common.
func checkLimits(c *cobra.Command, count int64, duration, interval time.Duration) error {
	changed := c.Flags().Changed
	switch {
	case changed("count") && count <= 0:
		return usage(c, "-n %d: it is a number of frames, above 0", count)
	case changed("duration") && duration <= 0:
		return usage(c, "--duration %v: it has to be above 0", duration)
	case interval < time.Millisecond:
		return usage(c, "--interval %v: it has to be 1ms at least", interval)
	}
	return nil
}

// check says what is wrong with the flags.
func (o *measureOptions) check(c *cobra.Command) error {
	if err := checkLimits(c, o.count, o.duration, o.interval); err != nil {
		return err
	}
	switch {
	case o.window < o.interval:
		return usage(c, "--window %v: it has to be as long as --interval, %v, at least", o.window, o.interval)
	case o.window/o.interval > 100000:
		return usage(c, "--window %v is too long for --interval %v: at most 100000 of them", o.window, o.interval)
	}
	return nil
}

// A measurement is one run of hz or bw: a meter for each topic, and somebody who reads them.
type measurement struct {
	*app
	measureOptions
	gauge
	bus  *bus.Bus
	left atomic.Int64 // frames still to be measured
	stop context.CancelCauseFunc

	mu     sync.Mutex
	meters map[string]*meter
	idle   map[string]bool // the user has been told that nothing comes; the reader's alone
}

// measure runs hz or bw.
func (a *app) measure(c *cobra.Command, args []string, o measureOptions, g gauge) error {
	patterns, err := parsePatterns(c, args)
	if err == nil {
		err = o.check(c)
	}
	if err != nil {
		return err
	}
	m := &measurement{app: a, measureOptions: o, gauge: g, meters: map[string]*meter{}, idle: map[string]bool{}}
	most := int64(math.MaxInt64)
	if o.count > 0 {
		most = o.count
	}
	m.left.Store(most)
	if m.bus, err = a.open(c); err != nil {
		return err
	}
	defer m.bus.Close()
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	m.stop = cancel
	defer watchReader(a.out, func() { cancel(errOutputClosed) })()
	if o.duration > 0 {
		timer := time.AfterFunc(o.duration, func() { cancel(errMeasured) })
		defer timer.Stop()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.reports(ctx)
	}()
	f := &follower{
		app: a, bus: m.bus, patterns: patterns, options: []bus.SubscribeOption{bus.ReadOnly()}, run: m.receive,
		waits:   func(topic string) { a.say("waiting for topic %q on %s", topic, m.bus.Dir()) },
		refused: func(_ string, err error) error { a.say("%s", text(err)); return nil },
	}
	err = f.follow(ctx)
	cancel(err)
	<-ended
	if errors.Is(err, errOutputClosed) {
		return err
	}
	if e := m.print(true); e != nil && (errors.Is(err, errMeasured) || interrupted(c.Context(), err) == nil) {
		err = e
	}
	if !errors.Is(err, errMeasured) {
		return cmp.Or(interrupted(c.Context(), err), f.left())
	}
	if err := f.left(); err != nil {
		return err
	}
	if m.left.Load() == most {
		return fmt.Errorf("no frame has come in %v on %s", o.duration, names(patterns))
	}
	return nil
}

// receive feeds the meter of a topic.
func (m *measurement) receive(ctx context.Context, s *bus.Subscriber) error {
	defer s.Close()
	t := m.meter(s)
	for n := 1; ; n++ {
		f, err := s.TryReceive()
		if f == nil && err == nil {
			if err := m.counted(t.miss(s.Lost())); err != nil { // what was lost last is known now
				return err
			}
			f, err = s.Receive(ctx)
		}
		if err != nil {
			return err
		}
		news := t.frame(f, s.Lost())
		f.Release()
		if err := m.counted(news); err != nil {
			return err
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// counted takes notice of new frames, and is an error if they were enough.
func (m *measurement) counted(news uint64) error {
	if m.left.Add(-int64(news)) > 0 {
		return nil
	}
	m.stop(errMeasured)
	return errMeasured
}

// meter is the meter of a subscription's topic.
func (m *measurement) meter(s *bus.Subscriber) *meter {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.meters[s.Topic()]
	if t != nil {
		t.begin()
		return t
	}
	t = &meter{topic: s.Topic(), count: counters{at: time.Now()}}
	if s.Stats().Position > 0 { // else all its frames count
		t.count, _ = m.counters(t.topic)
	}
	m.meters[t.topic] = t
	return t
}

// counters are those of a topic. known is false if it is gone.
func (m *measurement) counters(topic string) (c counters, known bool) {
	s, err := m.bus.Stat(topic)
	return counters{s.Made, s.Frames, s.Bytes, time.Now()}, err == nil
}

// reports prints until ctx is done.
func (m *measurement) reports(ctx context.Context) {
	tick := time.NewTicker(m.interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := m.print(false); err != nil {
				m.stop(err)
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// print prints what each meter says.
func (m *measurement) print(final bool) error {
	m.mu.Lock()
	meters := maps.Clone(m.meters)
	m.mu.Unlock()
	var b bytes.Buffer
	for _, topic := range slices.Sorted(maps.Keys(meters)) {
		r := reading{topic: topic, final: final}
		c, known := m.counters(topic)
		r.window, r.total, r.now = meters[topic].report(c, known, int(m.window/m.interval))
		if final {
			r.window = r.total
		}
		if err := m.line(&b, r); err != nil {
			return err
		}
	}
	if b.Len() == 0 {
		return nil
	}
	_, err := m.out.Write(b.Bytes())
	return outputError(err)
}

// line writes a reading.
func (m *measurement) line(b *bytes.Buffer, r reading) error {
	if m.json {
		text, err := marshal(m.object(r))
		b.Write(append(text, '\n'))
		return err
	}
	news := r.now.seen()+r.now.published > 0
	idle := m.idle[r.topic]
	m.idle[r.topic] = !news
	switch {
	case r.final && r.total.seen()+r.total.published == 0:
	case r.final:
		fmt.Fprintf(b, "%s: in all %s, in %s\n", r.topic, m.text(r.window), r.window.elapsed.Round(time.Millisecond))
	case news:
		fmt.Fprintf(b, "%s: %s\n", r.topic, m.text(r.window))
	case !idle:
		fmt.Fprintf(b, "%s: no new frames\n", r.topic)
	}
	return nil
}

// lostText tells of lost frames, if there are any.
func lostText(s span) string {
	if s.lost == 0 {
		return ""
	}
	return fmt.Sprintf(", %d lost by this tap and counted", s.lost)
}
