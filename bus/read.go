package bus

import (
	"errors"

	"shmbus/internal/invariants"
	"shmbus/segment"
	"shmbus/topics"
)

// How a Subscriber gets at frames that are there.

// mostAhead is how many frames a lossless subscription reads at once, at most. What a call does besides reading takes longer than that, and
// lines that come from another core come together. It reads more than one only while they are there already: to look for another
// would take its line away from the publisher that is about to fill it.
const mostAhead = 8

// hand hands out a frame that was read ahead. It looks at nothing shared.
func (s *Subscriber) hand() *Frame {
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	return s.shelf.hand()
}

// now is the next frame, if it is there and nothing is wrong. nil says neither what is wrong nor that there is none: try does.
func (s *Subscriber) now() *Frame {
	if !segment.Mends || s.port == nil || s.state.Load() != portOpen || s.config.mode == topics.Member {
		return nil // a member may have to look whether others live
	}
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	if s.refill() != nil && s.shelf.ahead() == 0 || s.state.Load() != portOpen {
		return nil
	}
	return s.shelf.hand()
}

// soon is now, after a few more looks if there is nothing yet.
func (s *Subscriber) soon() *Frame {
	f := s.now()
	if f == nil && segment.Mends && s.port != nil && s.state.Load() == portOpen && s.glance() {
		f = s.now()
	}
	return f
}

// refill reads frames ahead: as many as it may, or fewer: up to an error, such as ErrEmpty.
func (s *Subscriber) refill() (err error) {
	if s.config.mode != topics.Gate {
		return s.read()
	}
	most := min(max(1, 2*s.burst), mostAhead)
	for s.burst = 0; s.burst < most; s.burst = s.shelf.ahead() {
		f := s.shelf.frame()
		if f == nil {
			f = s.shelf.more(s)
		}
		if f.data, err = s.r.Borrow(&f.info); err != nil {
			return err
		}
		s.take(f)
	}
	return nil
}

// take puts a frame that was read on the shelf, unless FromPosition does not ask for it.
func (s *Subscriber) take(f *Frame) {
	if f.info.Position >= s.from {
		f.port, f.held = s.port, true
		s.shelf.put()
	}
}

// try is the next frame, or nil if there is none.
func (s *Subscriber) try() (*Frame, error) {
	if s.port == nil {
		return nil, s.detached()
	}
	if s.void() {
		return nil, s.gone("receive from")
	}
	if f := s.shelf.hand(); f != nil {
		return f, nil
	}
	err := s.refill()
	if s.void() { // then what the ring says means nothing
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

// read reads one frame, of any subscription but a lossless one.
func (s *Subscriber) read() (err error) {
	for s.shelf.ahead() == 0 {
		f := s.shelf.frame()
		if f == nil {
			f = s.shelf.more(s)
		}
		if s.config.mode == topics.Member {
			if s.shelf.oldest() != nil {
				return failKind("receive from", s.topic, ErrBusy, "a member of a group has one frame in hand at a time; release it first")
			}
			f.data, err = s.r.Take(&f.info, s.lookForDead())
			s.room.Ring(s.notify) // a publisher may have been held up by a pin that it set and took back
		} else {
			if s.config.latest {
				s.r.SkipToNewest()
			}
			f.buf, err = s.r.Copy(&f.info, f.buf)
			f.data = f.buf
		}
		if err != nil || s.void() {
			return err
		}
		s.counted = s.r.Counted()
		s.take(f)
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
