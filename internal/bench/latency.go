//go:build linux

package bench

import (
	"context"
	"errors"
	"time"
)

// ping is the publisher that waits for an answer to each of its frames.
func ping(s *side, o order) (func() (report, error), error) {
	out, err := s.publishes(o.Topic+"/ping", o.Job)
	if err != nil {
		return nil, err
	}
	back, err := s.subscribes(o.Topic+"/pong", o.Job)
	if err != nil {
		return nil, err
	}
	out.makeFrames(o.Job)
	b := out.frames[0]
	ctx := context.Background()
	round := func() error {
		if err := out.answer(ctx, o.Job.Loan, b); err != nil {
			return err
		}
		return back.take(ctx)
	}
	if o.Job.Each {
		return func() (report, error) { return timeEach(o.N, round) }, nil
	}
	return func() (report, error) {
		return inParts(o.N, func(from, to uint64) error {
			for ; from < to; from++ {
				if err := round(); err != nil {
					return err
				}
			}
			return nil
		})
	}, nil
}

// answer publishes one frame, from b or in place.
func (e *end) answer(ctx context.Context, loan bool, b []byte) error {
	if loan {
		return e.fill(ctx, len(b))
	}
	e.sent++
	stamp(b, e.sent)
	return e.pub.Publish(ctx, b)
}

// timeEach counts how long each round took. The clock is looked at once a round, and what that costs is taken off.
func timeEach(n uint64, round func() error) (report, error) {
	h, cost := new(Histogram), Timing()
	r := report{Start: Now()}
	start := time.Now()
	last := time.Since(start)
	for range n {
		if err := round(); err != nil {
			return r, err
		}
		t := time.Since(start)
		h.Record(uint64(max(0, int64(t-last)-cost)))
		last = t
	}
	r.End, r.Frames, r.Hist = Now(), n, h
	return r, nil
}

// pong is a subscriber. The first one answers; others only read.
func pong(s *side, o order) (func() (report, error), error) {
	in, err := s.subscribes(o.Topic+"/ping", o.Job)
	if err != nil {
		return nil, err
	}
	var back *end
	if o.Index == 0 {
		if back, err = s.publishes(o.Topic+"/pong", o.Job); err != nil {
			return nil, err
		}
		back.makeFrames(o.Job)
	}
	ctx := context.Background()
	return func() (report, error) {
		if back == nil {
			return in.receive(ctx, o.N)
		}
		for range o.N {
			if err := in.take(ctx); err != nil {
				return report{}, err
			}
			if err := back.answer(ctx, o.Job.Loan, back.frames[0]); err != nil {
				return report{}, err
			}
		}
		if in.sub.Lost() > 0 {
			return report{}, errors.New("a frame was lost with only one under way")
		}
		return report{Frames: o.N}, nil
	}, nil
}
