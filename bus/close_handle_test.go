package bus_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"shmbus/bus"
)

// A closable is a handle and one call of it that waits.
type closable struct {
	close func() error
	wait  func(ctx context.Context) error
}

// plain is a value that is encoded in place; marshaled is one that is not.
type (
	plain     struct{ A, B int }
	marshaled struct{ plain }
)

func (marshaled) MarshalBinary() ([]byte, error) { return []byte("x"), nil }

// waitingForRoom are the calls of a publisher on a topic that is full.
var waitingForRoom = map[string]func(ctx context.Context, p *bus.Publisher) error{
	"Publish": func(ctx context.Context, p *bus.Publisher) error { return p.Publish(ctx, nil) },
	"PublishBatch": func(ctx context.Context, p *bus.Publisher) error {
		_, err := p.PublishBatch(ctx, make([][]byte, 3))
		return err
	},
	"Loan":         func(ctx context.Context, p *bus.Publisher) error { _, err := p.Loan(ctx, 1); return err },
	"Encode":       func(ctx context.Context, p *bus.Publisher) error { return p.Encode(ctx, plain{1, 2}) },
	"Encode aside": func(ctx context.Context, p *bus.Publisher) error { return p.Encode(ctx, marshaled{}) },
}

// waitingForFrames are the calls of a subscriber on a topic that is quiet.
var waitingForFrames = map[string]func(ctx context.Context, s *bus.Subscriber) error{
	"Receive": func(ctx context.Context, s *bus.Subscriber) error { _, err := s.Receive(ctx); return err },
	"Frames": func(ctx context.Context, s *bus.Subscriber) (err error) {
		for _, err = range s.Frames(ctx) {
		}
		return err
	},
	"Values": func(ctx context.Context, s *bus.Subscriber) (err error) {
		for _, err = range bus.Values[plain](ctx, s) {
		}
		return err
	},
	"ReceiveBatch": func(ctx context.Context, s *bus.Subscriber) error {
		return s.ReceiveBatch(ctx, new(bus.Batch))
	},
	"WaitSet": func(ctx context.Context, s *bus.Subscriber) error {
		var w bus.WaitSet
		w.Add(s)
		got, _, err := w.Receive(ctx)
		if got != s || w.Len() != 0 {
			return errors.New("the set has not said whose error it is, or kept it")
		}
		return err
	},
}

var ways = map[string][]bus.SubscribeOption{
	"lossy": nil, "latest": {bus.LatestOnly()}, "lossless": {bus.Lossless()}, "group": {bus.Group("g")}, "tap": {bus.ReadOnly()},
	"spin": {bus.Spin()}, "block": {bus.Block()}, "wait for topic": {bus.WaitForTopic()}, "lossless, wait": {bus.Lossless(), bus.WaitForTopic()},
}

// closedElsewhere closes the handle while another goroutine waits in the call, or is about to, and wants ErrClosed of it soon.
func closedElsewhere(t *testing.T, name string, c closable, pauseFor time.Duration) {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		err := c.wait(soon(t))
		if cerr := c.close(); cerr != nil { // as those do who defer it
			err = errors.Join(cerr, errors.New("closing twice"))
		}
		ended <- err
	}()
	if pauseFor > 0 {
		pause(pauseFor)
	}
	start := time.Now()
	if err := c.close(); err != nil {
		t.Errorf("%s: Close: %v", name, err)
	}
	if err := <-ended; !errors.Is(err, bus.ErrClosed) {
		t.Errorf("%s: got %v, want ErrClosed", name, err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("%s: it took %v", name, d)
	}
	again, cancel := context.WithTimeout(soon(t), 10*time.Second)
	defer cancel()
	if err := c.wait(again); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("%s: after it, got %v, want ErrClosed", name, err)
	}
}

// moments are how long after the call's beginning the handle is closed.
func moments() []time.Duration {
	if long {
		return []time.Duration{0, 1, 5 * time.Microsecond, 50 * time.Microsecond, time.Millisecond, 12 * time.Millisecond, 30 * time.Millisecond}
	}
	return []time.Duration{0, time.Millisecond, 12 * time.Millisecond}
}

func TestClosingAPublisherEndsTheCallThatWaits(t *testing.T) {
	b := newBus(t)
	keep := publisher(t, b, "full", losslessRing(8))
	gate := subscribe(t, b, "full", bus.Lossless())
	_, err := keep.PublishBatch(soon(t), make([][]byte, 8))
	noError(t, err)
	for name, call := range waitingForRoom {
		for _, m := range moments() {
			p := publisher(t, b, "full")
			closedElsewhere(t, name, closable{p.Close, func(ctx context.Context) error { return call(ctx, p) }}, m)
		}
	}
	if st, err := b.Stat("full"); err != nil || st.Publishers != 1 {
		t.Errorf("%d publishers are left, want 1; %v", st.Publishers, err)
	}
	for range 8 { // and the others go on
		receive(t, gate).Release()
	}
	publish(t, keep, "after")
	expect(t, gate, "after")
}

func TestClosingASubscriptionEndsTheCallThatWaits(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "quiet", lossless)
	for name, call := range waitingForFrames {
		for way, opts := range ways {
			for _, m := range moments() {
				s := subscribe(t, b, "quiet", opts...)
				closedElsewhere(t, name+", "+way, closable{s.Close, func(ctx context.Context) error { return call(ctx, s) }}, m)
			}
		}
	}
	if st, err := b.Stat("quiet"); err != nil || st.Subscribers != 0 {
		t.Errorf("%d subscribers are left; %v", st.Subscribers, err)
	}
	publish(t, p, "nobody holds it up")
}

func TestClosingASubscriptionEndsItsWaitForATopic(t *testing.T) {
	b := newBus(t)
	for name, call := range waitingForFrames {
		for _, m := range moments() {
			noError(t, b.CreateTopic("t", bus.TopicOptions{}))
			s := subscribe(t, b, "t", bus.WaitForTopic())
			noError(t, b.RemoveTopic("t"))
			closedElsewhere(t, name, closable{s.Close, func(ctx context.Context) error { return call(ctx, s) }}, m)
		}
	}
}

func TestTheRestOfAWaitSetGoesOnWhenOneIsClosedElsewhere(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", lossless)
	var w bus.WaitSet
	one, other := subscribe(t, b, "t", bus.Lossless()), subscribe(t, b, "t")
	w.Add(one)
	w.Add(other)
	type result struct {
		s   *bus.Subscriber
		f   *bus.Frame
		err error
	}
	results := make(chan result)
	go func() {
		for range 2 {
			s, f, err := w.Receive(soon(t))
			results <- result{s, f, err}
		}
	}()
	pause(5 * time.Millisecond)
	noError(t, one.Close())
	if r := <-results; r.s != one || !errors.Is(r.err, bus.ErrClosed) {
		t.Errorf("got %v of the closed one: %v", r.err, r.s == one)
	}
	publish(t, p, "x")
	if r := <-results; r.s != other || r.err != nil || string(r.f.Bytes()) != "x" {
		t.Errorf("got %v of the other one: %v", r.err, r.s == other)
	}
}

// Handles are closed at a random moment while another goroutine is at work with them; whoever stays on the topic must not notice.
func TestClosingHandlesAtAnyMomentHurtsNobody(t *testing.T) {
	rounds := 100
	if long {
		rounds = 2000
	}
	dir := newDir(t)
	x := bytes.Repeat([]byte{'x'}, 100)
	others := standBy(t, dir, func(b []byte) bool { return bytes.Equal(b, x) })
	ctx := others.ctx
	modes := [][]bus.SubscribeOption{{bus.Lossless()}, {bus.Group("g")}, {bus.Lossy()}, {bus.ReadOnly()}}
	for i := range rounds {
		b := openAt(t, dir)
		var wait sync.WaitGroup
		work := func(what string, f func() error) {
			wait.Go(func() {
				var err error
				for err == nil {
					err = f()
				}
				if !errors.Is(err, bus.ErrClosed) {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
		p, q, s := publisher(t, b, "t"), publisher(t, b, "t"), subscribe(t, b, "t", modes[i%len(modes)]...)
		work("publish", func() error { return p.Publish(ctx, x) })
		work("loan", func() error {
			l, err := q.Loan(ctx, 100)
			if err != nil {
				return err
			}
			copy(l.Bytes(), x)
			return l.Commit()
		})
		work("receive", func() error {
			f, err := s.Receive(ctx)
			if err == nil {
				f.Release()
			}
			return err
		})
		pause(time.Duration(i%7) * 200 * time.Microsecond)
		if i%3 == 0 {
			noError(t, b.Close())
		}
		for _, h := range []interface{ Close() error }{p, s, q} {
			noError(t, h.Close())
		}
		wait.Wait()
	}
	st, err := others.bus.Stat("t")
	noError(t, err)
	living := 0
	for _, s := range st.SubscriberList {
		if s.Alive { // a member that left with a frame is not, and its line stays for who takes that
			living++
		}
	}
	if st.Publishers != 1 || living != 1 {
		t.Errorf("%d publishers and %d subscribers are left, want 1 and 1", st.Publishers, living)
	}
	others.leave()
	t.Logf("%d rounds beside %d frames of %d publishers", rounds, others.seen, len(others.last))
}

func TestNothingIsLeftOfHandlesThatWereClosedElsewhere(t *testing.T) {
	dir := newDir(t)
	keep := openAt(t, dir)
	full := publisher(t, keep, "full", losslessRing(8))
	subscribe(t, keep, "full", bus.Lossless())
	_, err := full.PublishBatch(soon(t), make([][]byte, 8))
	noError(t, err)
	noError(t, keep.CreateTopic("quiet", bus.TopicOptions{Policy: bus.PolicyLossless}))
	round := func() {
		b, err := bus.Open(dir)
		noError(t, err)
		for name, call := range waitingForRoom {
			p := publisher(t, b, "full")
			closedElsewhere(t, name, closable{p.Close, func(ctx context.Context) error { return call(ctx, p) }}, time.Millisecond)
		}
		for name, call := range waitingForFrames {
			s := subscribe(t, b, "quiet", bus.Lossless())
			closedElsewhere(t, name, closable{s.Close, func(ctx context.Context) error { return call(ctx, s) }}, time.Millisecond)
		}
		noError(t, b.Close())
	}
	round()
	fds, maps, goroutines := descriptors(t), mappings(t, ""), runtime.NumGoroutine()
	for range 3 {
		round()
	}
	if f, m := descriptors(t), mappings(t, ""); f > fds || m > maps { // without the collector's help
		t.Errorf("%d descriptors and %d mappings after one round, %d and %d after four", fds, maps, f, m)
	}
	eventually(t, 10*time.Second, "as many goroutines are left as after one round", func() bool { return runtime.NumGoroutine() <= goroutines })
}
