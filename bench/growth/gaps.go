//go:build linux

package growth

import (
	"context"
	"math/rand/v2"
	"time"

	"shmbus/bus"
	"shmbus/internal/bench"
)

// GapsArgs are those of Gaps and Loop: the publisher publishes frames with gaps between them that are drawn at random from half to one and a
// half times Gap, and looks at the clock meanwhile. With Loop the subscriber's process does not receive: it has a loop that looks at the clock
// and waits for moments with such gaps between them.
//
// Figures: p50, p99, p999 and max of samples, ns from just before Publish to the return of Receive, or from the moment to the look at the clock that
// saw that it had come; publish, ns that Publish took, the median; cpu, the processor time that the subscriber's process took, as a part of one processor; collections, of garbage, in
// that process.
type GapsArgs struct {
	Gap  time.Duration
	Wait bench.Wait
	Busy Busy
}

// gapRing holds what is published while the subscriber's process has no processor.
var gapRing = bus.TopicOptions{Slots: 8192, Policy: bus.PolicyLossless, NoTime: true}

// draw is the next gap in ns.
func (a GapsArgs) draw() int64 { return int64(a.Gap)/2 + rand.Int64N(int64(a.Gap)+1) }

var waits = map[bench.Wait][]bus.SubscribeOption{bench.Spin: {bus.Spin()}, bench.Block: {bus.Block()}}

func gaps(p bench.Place, a GapsArgs) (bench.Part, error) {
	me, c := new(part), newClock()
	if a.Wait == BareSpin || a.Wait == BareFutex {
		return bareGaps(p, a, me, c)
	}
	if !p.Subscriber {
		pub, err := me.publisher(p.Bus, p.Topic, gapRing)
		if err != nil {
			return nil, err
		}
		s := &sender{pub: pub}
		return me.publishes(p, a, c, func(word uint64) error { return s.send(context.Background(), word) })
	}
	s, err := me.subscribe(p.Bus, p.Topic, gapRing, append(waits[a.Wait], bus.Lossless())...)
	if err != nil {
		return nil, err
	}
	var check checker
	return me.measured(p, a, func(n uint64, h *bench.Histogram) error {
		ctx := context.Background()
		for range n {
			f, err := s.Receive(ctx)
			now := c.now()
			if err != nil {
				return err
			}
			sent, err := check.frame(f)
			if err != nil {
				return err
			}
			h.Record(uint64(max(0, now-int64(sent))))
		}
		return nil
	})
}

// bareGaps is gaps without a bus.
func bareGaps(p bench.Place, a GapsArgs, me *part, c *clock) (bench.Part, error) {
	l, unmap, err := openLines(p, p.Topic, gapRing.Slots)
	if err != nil {
		return nil, err
	}
	l.sleeps = a.Wait == BareFutex
	me.closers = append(me.closers, unmap)
	if !p.Subscriber {
		return me.publishes(p, a, c, func(word uint64) error { l.send(word); return nil })
	}
	return me.measured(p, a, func(n uint64, h *bench.Histogram) error {
		for range n {
			sent, err := l.receive()
			now := c.now()
			if err != nil {
				return err
			}
			h.Record(uint64(max(0, now-int64(sent))))
		}
		return nil
	})
}

// publishes makes a part of what sends a time: it sends with gaps, once the other side is ready.
func (me *part) publishes(p bench.Place, a GapsArgs, c *clock, send func(word uint64) error) (bench.Part, error) {
	ready, err := me.subscribe(p.Bus, p.Topic+"/ready", gapRing, bus.Lossless())
	if err != nil {
		me.Close()
		return nil, err
	}
	me.act = func(n uint64) (bench.Figures, error) {
		ctx, h := context.Background(), new(bench.Histogram)
		f, err := ready.Receive(ctx)
		if err != nil {
			return nil, err
		}
		f.Release()
		for next := c.now(); n > 0; n-- {
			next += a.draw()
			start := c.until(next)
			if err := send(uint64(start)); err != nil {
				return nil, err
			}
			h.Record(uint64(c.now() - start))
		}
		return bench.Figures{"publish": float64(h.Quantile(.5))}, nil
	}
	return me, nil
}

// measured makes a part of what records n latencies: it adds what the process used meanwhile, and does what else it is to do. The publisher
// is told when all this has begun.
func (me *part) measured(p bench.Place, a GapsArgs, record func(n uint64, h *bench.Histogram) error) (bench.Part, error) {
	pub, err := me.publisher(p.Bus, p.Topic+"/ready", gapRing)
	if err != nil {
		me.Close()
		return nil, err
	}
	ready := &sender{pub: pub}
	me.act = func(n uint64) (bench.Figures, error) {
		h, rest := new(bench.Histogram), a.Busy.begin()
		if err := ready.send(context.Background(), 0); err != nil {
			return nil, err
		}
		start, before := bench.Now(), used()
		err := record(n, h)
		took, cpu := bench.Now()-start, used()-before
		f := bench.Figures{"cpu": float64(cpu) / float64(took)}
		rest(f)
		quantiles(f, "", h)
		return f, err
	}
	return me, nil
}

// Frames is how many take so long, and no fewer than a median needs that is to say something.
func (a GapsArgs) Frames(long time.Duration) uint64 {
	return max(3+uint64(long/(15*time.Millisecond)), uint64(long/a.Gap))
}
