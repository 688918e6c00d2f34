//go:build linux

package growth

import (
	"context"
	"fmt"

	"shmbus/bus"
	"shmbus/internal/bench"
)

// TopicsArgs are those of Topics: one process publishes on so many topics in turn, and receives from all of them with a WaitSet. Either
// two goroutines do it at once, or one publishes on each topic once and then receives that.
//
// Figures: none; the time is that of the run.
type TopicsArgs struct {
	Topics int
	Lap    bool // one goroutine
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
	me.act = func(n uint64) (bench.Figures, error) {
		laps := n / uint64(a.Topics)
		if a.Lap {
			for range laps {
				if err := send(); err != nil {
					return nil, err
				}
				if err := receive(uint64(a.Topics)); err != nil {
					return nil, err
				}
			}
			return nil, nil
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
		if err := receive(laps * uint64(a.Topics)); err != nil {
			return nil, err
		}
		return nil, <-sent
	}
	return me, nil
}
