//go:build linux

package growth

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"shmbus/bus"
	"shmbus/internal/bench"
)

// BlockedArgs are those of Blocked: so many goroutines of the subscriber's process wait, all on one topic, or each on its own. The publisher
// publishes n frames, each when all wait again: to all of them, or on one topic drawn at random. Bare is the latter without a bus (see doze.go);
// that all wait again the publisher is told by the same topic.
//
// Figures: ns from just before Publish to the return of Receive: p50 and p99 of all wakes; with one topic also first and last, the medians of
// the first and the last goroutine of a frame. threads, of the subscriber's process; cpu, ns of processor time that it takes, a frame. wake, ns that Publish took, the median.
type BlockedArgs struct {
	Goroutines int
	Own        bool
	Bare       bool
}

func (a BlockedArgs) topics(p bench.Place) (names []string) {
	n := 1
	if a.Own {
		n = a.Goroutines
	}
	for i := range n {
		names = append(names, fmt.Sprintf("%s/%d", p.Topic, i))
	}
	return names
}

const blockedSlots = 64

// ring is that of the topics here.
func (a BlockedArgs) ring() bus.TopicOptions {
	o := bus.TopicOptions{Slots: blockedSlots, Policy: bus.PolicyLossless, NoTime: true}
	if !a.Own {
		o.MaxSubscribers = max(64, a.Goroutines)
	}
	return o
}

// doneTopic is where the subscriber's process says that a frame has come to all.
func doneTopic(p bench.Place) string { return p.Topic + "/done" }

var doneRing = bus.TopicOptions{Slots: 64, Policy: bus.PolicyLossless, NoTime: true}

func blocked(p bench.Place, a BlockedArgs) (bench.Part, error) {
	if p.Subscriber {
		return newSleepers(p, a)
	}
	me, c := new(part), newClock()
	done, err := me.subscribe(p.Bus, doneTopic(p), doneRing, bus.Lossless(), bus.Block())
	if err != nil {
		return nil, err
	}
	sends, err := me.wakers(p, a)
	if err != nil {
		me.Close()
		return nil, err
	}
	settle := 300*time.Microsecond + time.Duration(a.Goroutines)*2*time.Microsecond
	first := 10*time.Millisecond + time.Duration(a.Goroutines)*20*time.Microsecond // threads are made when all sleep for the first time
	var answers checker
	me.act = func(n uint64) (bench.Figures, error) {
		ctx, h := context.Background(), new(bench.Histogram)
		c.until(c.now() + int64(first))
		for range n {
			start := c.until(c.now() + int64(settle))
			if err := sends[rand.IntN(len(sends))](ctx, uint64(start)); err != nil {
				return nil, err
			}
			h.Record(uint64(c.now() - start))
			f, err := done.Receive(ctx)
			if err != nil {
				return nil, err
			}
			if _, err := answers.frame(f); err != nil {
				return nil, err
			}
		}
		return bench.Figures{"wake": float64(h.Quantile(.5))}, nil
	}
	return me, nil
}

// wakers are what publishes a frame on each topic, or the same without a bus.
func (me *part) wakers(p bench.Place, a BlockedArgs) (sends []func(ctx context.Context, word uint64) error, err error) {
	for _, name := range a.topics(p) {
		if a.Bare {
			l, err := me.sleepingLines(p, name)
			if err != nil {
				return nil, err
			}
			sends = append(sends, func(_ context.Context, word uint64) error { l.send(word); return nil })
			continue
		}
		pub, err := me.publisher(p.Bus, name, a.ring())
		if err != nil {
			return nil, err
		}
		sends = append(sends, (&sender{pub: pub}).send)
	}
	return sends, nil
}

// sleepers are the goroutines that wait.
type sleepers struct {
	part
	clock *clock
	each  int // how many a frame wakes
	done  *sender
	woken []uint64 // ns of each, for one frame
	count atomic.Int64
	turn  atomic.Pointer[nap]
}

// A nap is one run.
type nap struct {
	left             uint64 // frames
	used             int64  // processor time, when the first frame had come: before, all have fallen asleep for the first time
	all, first, last bench.Histogram
	end              chan error
}

func newSleepers(p bench.Place, a BlockedArgs) (*sleepers, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sleepers{clock: newClock(), each: a.Goroutines, woken: make([]uint64, a.Goroutines)}
	pub, err := s.publisher(p.Bus, doneTopic(p), doneRing)
	if err != nil {
		cancel()
		return nil, err
	}
	s.done = &sender{pub: pub}
	if a.Own {
		s.each = 1
	}
	waits, err := s.waits(p, a)
	if err != nil {
		cancel()
		s.Close()
		return nil, err
	}
	ended := make(chan bool)
	for i, w := range waits {
		go func() {
			defer func() { ended <- true }()
			if err := s.sleep(ctx, i, w); ctx.Err() == nil {
				if n := s.turn.Load(); n != nil {
					n.end <- err
				}
			}
		}()
	}
	s.closers = append(s.closers, func() { // first, before the subscriptions are closed
		cancel()
		for _, w := range waits {
			w.end()
		}
		for range waits {
			<-ended
		}
	})
	s.prepare = func(n uint64) error {
		s.turn.Store(&nap{left: n, end: make(chan error, len(waits)+1)})
		return nil
	}
	s.act = func(n uint64) (bench.Figures, error) { return s.run(n) }
	return s, nil
}

// A wait is what one of the goroutines waits for. receive takes the time when it has come, and gives it with the word that was sent.
type wait interface {
	receive(ctx context.Context, c *clock) (now int64, sent uint64, err error)
	end() // when its context is done
}

// waits are what the goroutines wait for, each of them.
func (s *sleepers) waits(p bench.Place, a BlockedArgs) (all []wait, err error) {
	names := a.topics(p)
	for i := range a.Goroutines {
		if a.Bare {
			l, err := s.sleepingLines(p, names[i])
			if err != nil {
				return nil, err
			}
			all = append(all, &doze{lines: l})
			continue
		}
		sub, err := s.subscribe(p.Bus, names[i%len(names)], a.ring(), bus.Lossless(), bus.Block())
		if err != nil {
			return nil, err
		}
		all = append(all, &onTopic{sub: sub})
	}
	return all, nil
}

// onTopic is a subscription.
type onTopic struct {
	sub   *bus.Subscriber
	check checker
}

func (w *onTopic) receive(ctx context.Context, c *clock) (now int64, sent uint64, err error) {
	f, err := w.sub.Receive(ctx)
	now = c.now()
	if err != nil {
		return now, 0, err
	}
	sent, err = w.check.frame(f)
	return now, sent, err
}

func (w *onTopic) end() {}

// sleep is the life of one of the goroutines.
func (s *sleepers) sleep(ctx context.Context, i int, w wait) error {
	for {
		now, sent, err := w.receive(ctx, s.clock)
		if err != nil {
			return err
		}
		if s.each == 1 {
			i = 0
		}
		s.woken[i] = uint64(max(0, now-int64(sent)))
		if s.count.Add(1) == int64(s.each) {
			s.count.Store(0)
			if err := s.frameDone(ctx); err != nil {
				return err
			}
		}
	}
}

// frameDone is called by the last goroutine that a frame has come to.
func (s *sleepers) frameDone(ctx context.Context) error {
	n, woken := s.turn.Load(), s.woken[:s.each]
	slices.Sort(woken)
	for _, ns := range woken {
		n.all.Record(ns)
	}
	n.first.Record(woken[0])
	n.last.Record(woken[len(woken)-1])
	if n.used == 0 {
		n.used = used()
	}
	if n.left--; n.left == 0 {
		n.end <- nil
	}
	return s.done.send(ctx, 0)
}

func (s *sleepers) run(n uint64) (bench.Figures, error) {
	nap := s.turn.Load()
	if err := <-nap.end; err != nil {
		return nil, err
	}
	if want := n * uint64(s.each); nap.all.Count() != want {
		return nil, fmt.Errorf("%d goroutines were woken, not %d", nap.all.Count(), want)
	}
	t, err := threads()
	f := bench.Figures{
		"p50": float64(nap.all.Quantile(.5)), "p99": float64(nap.all.Quantile(.99)), "samples": float64(nap.all.Count()), "threads": float64(t),
		"cpu": float64(used()-nap.used) / float64(max(1, n-1)),
	}
	if s.each > 1 {
		f["first"], f["last"] = float64(nap.first.Quantile(.5)), float64(nap.last.Quantile(.5))
	}
	return f, err
}
