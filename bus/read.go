package bus

import (
	"errors"

	"shmbus/internal/invariants"
	"shmbus/topics"
)

// How a Subscriber gets at frames that are there.

// mostAhead is how many frames a lossless subscription reads at once, at most. What a call does besides reading takes longer than that, and
// lines that come from another core come together. It reads more than one only while they are there already: to look for another
// would take its line away from the publisher that is about to fill it.
const mostAhead = shelfSize / 2

// handAhead hands out a frame that was read ahead, or nil. It looks at nothing shared.
func (s *Subscriber) handAhead() *Frame {
	if s.shelf.ahead() == 0 || s.state.Load() != portOpen {
		return nil
	}
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	return s.shelf.hand()
}

// try is the next frame, or nil if there is none.
func (s *Subscriber) try() (*Frame, error) {
	if s.port == nil {
		return nil, s.detached()
	}
	if s.state.Load() == portClosed {
		return nil, s.gone("receive from")
	}
	if f := s.shelf.hand(); f != nil {
		return f, nil
	}
	most := 1
	if s.config.mode == topics.Gate {
		most = min(max(1, 2*s.burst), mostAhead)
	}
	err := s.read(most)
	s.burst = s.shelf.ahead()
	if s.state.Load() == portClosed { // then the ring was taken away, and what it says means nothing
		return nil, s.gone("receive from")
	}
	if f := s.shelf.hand(); f != nil {
		return f, nil // an error comes again
	}
	if err == topics.ErrEmpty {
		return nil, nil
	}
	if e := (*opError)(nil); errors.As(err, &e) {
		return nil, err
	}
	return nil, s.explain(err)
}

// read reads as many frames, or fewer: up to an error, such as ErrEmpty.
func (s *Subscriber) read(most int) (err error) {
	for s.shelf.ahead() < most {
		f := s.shelf.frame()
		if f == nil {
			f = s.shelf.more(s)
		}
		switch s.config.mode {
		case topics.Gate:
			f.data, err = s.r.Borrow(&f.info)
		case topics.Member:
			if s.shelf.oldest() != nil {
				return failKind("receive from", s.topic, ErrBusy, "a member of a group has one frame in hand at a time; release it first")
			}
			f.data, err = s.r.Take(&f.info, s.lookForDead())
			s.room.Ring(s.notify) // a publisher may have been held up by a pin that it set and took back
		default:
			if s.config.latest {
				s.r.SkipToNewest()
			}
			f.buf, err = s.r.Copy(&f.info, f.buf)
			f.data = f.buf
		}
		if err != nil || s.state.Load() == portClosed {
			return err
		}
		s.counted = s.r.Counted()
		if f.info.Position < s.from {
			continue // FromPosition does not ask for it
		}
		f.port = s.port
		f.held = true
		s.shelf.put()
	}
	return nil
}

// lookForDead says whether it is time that a member looks for frames of dead ones before it takes the next. When there is nothing to take
// it looks anyway.
func (s *Subscriber) lookForDead() bool {
	now := s.clock.Now()
	if now-s.looked < int64(stuckEvery) {
		return false
	}
	s.looked = now
	return true
}
