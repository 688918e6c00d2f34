//go:build linux

package growth

import (
	"context"
	"errors"
	"fmt"

	"shmbus/bus"
	"shmbus/internal/bench"
)

// TopicsArgs are those of Topics: one process publishes on so many topics in turn, and receives from all of them with a WaitSet. Either
// two goroutines do it at once, or one publishes on each topic once and then receives that.
//
// Figures: switches, of threads, a frame. The time is that of the run.
type TopicsArgs struct {
	Topics int
	Lap    bool // one goroutine
}

// bareTopics is Topics with one goroutine and without a bus: for each topic two mappings of a ring, one to put a frame into it and one to
// receive it.
func bareTopics(p bench.Place, a TopicsArgs) (bench.Part, error) {
	me := new(part)
	var out, in []*lines
	for i := range a.Topics {
		for _, all := range []*[]*lines{&out, &in} {
			l, unmap, err := openLines(p, fmt.Sprintf("%s/%d", p.Topic, i), smallRing.Slots)
			if err != nil {
				me.Close()
				return nil, err
			}
			*all, me.closers = append(*all, l), append(me.closers, unmap)
		}
	}
	me.act = func(n uint64) (bench.Figures, error) {
		before := switches()
		for range n / uint64(a.Topics) {
			for _, l := range out {
				l.put(l.i)
			}
			for _, l := range in {
				if _, err := l.receive(); err != nil {
					return nil, err
				}
			}
		}
		return bench.Figures{"switches": (switches() - before) / float64(n)}, nil
	}
	return me, nil
}

// smallRing is that of one topic of many.
var smallRing = bus.TopicOptions{Slots: 256, Policy: bus.PolicyLossless, NoTime: true}

func topics(p bench.Place, a TopicsArgs) (bench.Part, error) {
	me, ctx, set := new(part), context.Background(), new(bus.WaitSet)
	pubs, checks := make([]*sender, a.Topics), make(map[*bus.Subscriber]*checker)
	for i := range pubs {
		name := fmt.Sprintf("%s/%d", p.Topic, i)
		pub, err := me.publisher(p.Bus, name, smallRing)
		if err != nil {
			me.Close()
			return nil, err
		}
		s, err := me.subscribe(p.Bus, name, smallRing, bus.Lossless())
		if err != nil {
			me.Close()
			return nil, err
		}
		set.Add(s)
		pubs[i], checks[s] = &sender{pub: pub}, new(checker)
	}
	send := func() error {
		for _, s := range pubs {
			if err := s.count(ctx, 1); err != nil {
				return err
			}
		}
		return nil
	}
	receive := func(n uint64) error {
		for range n {
			s, f, err := set.Receive(ctx)
			if err != nil {
				return err
			}
			if _, err := checks[s].frame(f); err != nil {
				return fmt.Errorf("%s: %w", s.Topic(), err)
			}
		}
		return nil
	}
	run := func(laps uint64) error {
		if a.Lap {
			for range laps {
				if err := errors.Join(send(), receive(uint64(a.Topics))); err != nil {
					return err
				}
			}
			return nil
		}
		sent := make(chan error, 1)
		go func() {
			var err error
			for range laps {
				if err = send(); err != nil {
					break
				}
			}
			sent <- err
		}()
		return errors.Join(receive(laps*uint64(a.Topics)), <-sent)
	}
	me.act = func(n uint64) (bench.Figures, error) {
		before := switches()
		err := run(n / uint64(a.Topics))
		return bench.Figures{"switches": (switches() - before) / float64(n)}, err
	}
	return me, nil
}
