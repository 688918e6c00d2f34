//go:build linux

package growth

import (
	"context"
	"errors"

	"shmbus/bus"
	"shmbus/internal/bench"
)

// IdleArgs are those of Idle: the publisher's process has a publisher on each topic, and publishes nothing; the subscriber's waits for frames of
// the first of them, blocking, or with a WaitSet for those of several. It goes on waiting when a run is over; a run says whether it does.
type IdleArgs struct {
	Topics []string
	Waits  int // for frames of so many topics
}

var errNotIdle = errors.New("a frame has come that nobody has published")

func idle(p bench.Place, a IdleArgs) (bench.Part, error) {
	me := new(part)
	me.act = func(uint64) (bench.Figures, error) { return nil, nil }
	if !p.Subscriber {
		for _, name := range a.Topics {
			if _, err := me.publisher(p.Bus, name, smallRing); err != nil {
				me.Close()
				return nil, err
			}
		}
		return me, nil
	}
	set := new(bus.WaitSet)
	var one *bus.Subscriber
	for _, name := range a.Topics[:a.Waits] {
		s, err := me.subscribe(p.Bus, name, smallRing, bus.Lossless(), bus.Block())
		if err != nil {
			me.Close()
			return nil, err
		}
		if one = s; a.Waits > 1 {
			set.Add(s)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended, err := make(chan bool), errNotIdle
	go func() {
		defer close(ended)
		var bad error
		if a.Waits > 1 {
			_, _, bad = set.Receive(ctx)
		} else {
			_, bad = one.Receive(ctx)
		}
		if bad != nil {
			err = bad
		}
	}()
	me.closers = append(me.closers, func() {
		cancel()
		<-ended
	})
	me.act = func(uint64) (bench.Figures, error) {
		select {
		case <-ended:
			return nil, err
		default:
			return nil, nil
		}
	}
	return me, nil
}
