//go:build linux

package growth

import (
	"context"
	"sync"

	"shmbus/bus"
	"shmbus/internal/bench"
)

// FanoutSlots is the size of the ring there: a run has many more frames, or else it would not tell what a full ring costs.
const FanoutSlots = 8192

// FanoutArgs are those of Fanout: a publisher, and a process with that many subscriptions, each with a goroutine of its own.
//
// Figures: publisher, ns a frame until the last Publish has returned; received, the part of all frames that subscriptions got; switches, of threads of the
// subscribers' process, a frame.
type FanoutArgs struct {
	Subscriptions int
	Lossless      bool
}

func fanout(p bench.Place, a FanoutArgs) (bench.Part, error) {
	me, ctx := new(part), context.Background()
	o := bus.TopicOptions{Slots: FanoutSlots, NoTime: true, MaxSubscribers: max(64, a.Subscriptions)}
	how := bus.Lossy()
	if a.Lossless {
		o.Policy, how = bus.PolicyLossless, bus.Lossless()
	}
	if !p.Subscriber {
		pub, err := me.publisher(p.Bus, p.Topic, o)
		s := &sender{pub: pub}
		me.act = func(n uint64) (bench.Figures, error) {
			start := bench.Now()
			err := s.count(ctx, n)
			return bench.Figures{"publisher": float64(bench.Now()-start) / float64(n)}, err
		}
		return me, err
	}
	all := make([]*stream, a.Subscriptions)
	for i := range all {
		s, err := me.subscribe(p.Bus, p.Topic, o, how)
		if err != nil {
			me.Close()
			return nil, err
		}
		all[i] = &stream{sub: s, checker: checker{lossy: !a.Lossless}}
	}
	me.act = func(n uint64) (bench.Figures, error) { return receiveAll(ctx, all, n) }
	return me, nil
}

// A stream is a subscription and what has come of it.
type stream struct {
	sub *bus.Subscriber
	checker
	due uint64 // frames that were published, in all
}

func receiveAll(ctx context.Context, all []*stream, n uint64) (bench.Figures, error) {
	errs, before, start := make([]error, len(all)), uint64(0), switches()
	var wait sync.WaitGroup
	for i, s := range all {
		before += s.got
		wait.Go(func() { errs[i] = s.receive(ctx, n) })
	}
	wait.Wait()
	got := uint64(0)
	for i, s := range all {
		if errs[i] != nil {
			return nil, errs[i]
		}
		got += s.got
	}
	return bench.Figures{
		"received": float64(got-before) / float64(n) / float64(len(all)), "switches": (switches() - start) / float64(n),
	}, nil
}

// receive takes the next n frames that are published, but for those that are lost. What is lost at the end is known when there is nothing
// more to read.
func (s *stream) receive(ctx context.Context, n uint64) error {
	for s.due += n; s.got+s.sub.Lost() < s.due; {
		f, err := s.sub.TryReceive()
		if f == nil && err == nil {
			if s.got+s.sub.Lost() >= s.due {
				return nil
			}
			f, err = s.sub.Receive(ctx)
		}
		if err != nil {
			return err
		}
		if _, err := s.frame(f); err != nil {
			return err
		}
	}
	return nil
}
