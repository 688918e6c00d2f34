package bus

import (
	"context"
	"iter"
	"sync/atomic"
)

// Frames is an iterator over Receive that releases each frame when the loop goes on. It ends with an error: ctx's when ctx is
// done, also if there is always another frame: after at most 64 more.
func (s *Subscriber) Frames(ctx context.Context) iter.Seq2[*Frame, error] {
	// Without select and defer: with them the compiler does not inline the loop, which costs as much as to receive a frame. A loop that ends in a
	// panic stays on its context's list.
	return func(yield func(*Frame, error) bool) {
		end := ending{ctx: ctx}
		for {
			f, err := s.receiveUntil(&end)
			if err != nil {
				yield(nil, err)
				return
			}
			port, position := f.port, f.info.Position
			more := yield(f, nil)
			if f.port == port && f.info.Position == position { // otherwise the loop has released it, and received another one in its place
				f.Release()
			}
			if !more {
				end.forget()
				return
			}
		}
	}
}

// receiveUntil is Receive that looks at the context also when there is a frame.
func (s *Subscriber) receiveUntil(end *ending) (f *Frame, err error) {
	if !end.reached() {
		if s.open() && s.shelf.some() {
			return s.next(), nil
		}
		f, err = s.come(end.ctx)
	} else {
		err = fail("receive from", s.topic, end.ctx.Err())
	}
	if err != nil {
		end.forget()
	}
	return f, err
}

// An ending is a loop's look at its context. To ask the context takes as long as to receive a frame. So a loop that goes on for more than a few
// turns has itself told, and then a turn's look is one load. Who tells it needs a turn of Go's scheduler first, for which the loop leaves no room if there
// are few Ps: so now and then it asks all the same.
type ending struct {
	ctx   context.Context
	turns int
	told  *atomic.Bool
	stop  func() bool
}

const (
	fewTurns = 16 // so often an ending asks the context each time
	askEvery = 64 // and then every so many turns
)

// reached says whether the context is done.
func (e *ending) reached() bool {
	if e.turns++; e.told != nil && e.turns%askEvery != 0 {
		return e.told.Load()
	}
	return e.ask()
}

func (e *ending) ask() bool {
	if e.turns == fewTurns {
		told := new(atomic.Bool)
		e.told = told
		e.stop = context.AfterFunc(e.ctx, func() { told.Store(true) })
	}
	return e.ctx.Err() != nil
}

func (e *ending) forget() {
	if e.stop != nil {
		e.stop()
	}
}
