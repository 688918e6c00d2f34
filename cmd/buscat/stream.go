package main

import (
	"context"
	"errors"
	"time"

	"shmbus/bus"
)

// A stream is one topic of a tap. It is for one goroutine.
type stream struct {
	*tap
	sub   *bus.Subscriber
	topic string
	loss  lossReport
	stuck stuck
	timed bool // the user knows that the topic has no times

	record record
	held   held // --every

	pause  time.Duration   // between looks
	until  context.Context // ends when it is time for a look
	cancel context.CancelFunc
}

func (t *tap) stream(topic string, sub *bus.Subscriber) *stream {
	s := &stream{tap: t, topic: topic, sub: sub, loss: lossReport{say: t.say}}
	s.record.values.only = t.looked
	if t.several {
		s.loss.topic = topic
	}
	return s
}

// close leaves the topic and tells the total of what was lost, unless nobody reads on.
func (s *stream) close(quiet bool) {
	s.loss.known = s.sub.Lost()
	_ = s.sub.Close()
	if !quiet {
		s.loss.end()
	}
}

// busyBatch is how many frames a busy stream prints before it looks around and lets others print.
const busyBatch = 1024

// follow prints frames as they come.
func (s *stream) follow(ctx context.Context) error { return s.rest(ctx, s.read(ctx)) }

func (s *stream) read(ctx context.Context) error {
	s.nextLook(ctx)
	defer s.endLook()
	var f *bus.Frame
	for {
		busy, err := s.drain(ctx, f)
		if err != nil {
			return err
		}
		pending := s.loss.pending()
		s.loss.look(s.sub.Lost())
		if busy { // there may be no pause for a long time
			if f = nil; ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		if s.loss.pending() && !pending {
			s.nextLook(ctx)
		}
		f, err = s.receive()
		switch {
		case f != nil:
			s.pause = 0
		case errors.Is(err, context.DeadlineExceeded): // nothing has come for some time
			if s.until.Err() != nil {
				s.look(ctx)
				s.nextLook(ctx)
			}
		case err != nil:
			return err
		}
	}
}

// drain prints f, if there is one, and the frames behind it that are there. busy: there may be more of them.
func (s *stream) drain(ctx context.Context, f *bus.Frame) (busy bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if s.came {
			s.came, s.last = false, time.Now()
		}
	}()
	if s.left == 0 { // another stream has printed the last one: what is in hand here is not printed, and so not released
		return false, errEnough
	}
	for range busyBatch {
		if f == nil {
			if f, err = s.sub.TryReceive(); err != nil {
				return false, err
			}
		}
		if f == nil {
			if err := s.due(); err != nil {
				return false, err
			}
			return false, s.out.flush()
		}
		if err := s.frame(f); err != nil {
			return false, err
		}
		f = nil
	}
	if err := s.due(); err != nil || !s.picky() {
		return true, err
	}
	return true, s.out.flush()
}

// picky says that few of many frames may be printed, so that they cannot wait until there are enough of them for a batch.
func (t *tap) picky() bool { return len(t.programs) > 0 || t.every > 0 }

// frame prints a frame if it is wanted, and releases it. A member of a group writes it out before; unreleased it goes to another member.
func (s *stream) frame(f *bus.Frame) error {
	r := &s.record
	r.read(f)
	wanted, err := s.wanted(r)
	if err == nil && wanted {
		s.came = true
		if s.every > 0 {
			s.held.hold(r)
		} else {
			err = s.print(r)
		}
	}
	if s.member {
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
		if e := s.out.flush(); e != nil { // also of the last one that is wanted
			return e
		}
	}
	f.Release()
	return err
}

// wanted says whether a record is late enough, and whether it is what --where looks for.
func (s *stream) wanted(r *record) (bool, error) {
	if !s.since.IsZero() {
		switch {
		case r.time.IsZero() && !s.timed:
			s.say("the frames of topic %q have no time; all that are there are printed", s.topic)
			s.timed = true
		case !r.time.IsZero() && r.time.Before(s.since):
			return false, nil
		}
	}
	if s.where == nil {
		return true, nil
	}
	return s.where.match(r)
}

// How often a stream that waits looks whether there is something to tell: soon, then more and more seldom, as it costs CPU time.
const (
	lookSoon   = time.Second
	lookSeldom = 8 * time.Second
)

// nextLook sets the time of the next look. One context is good for all waits till then.
func (s *stream) nextLook(ctx context.Context) {
	s.endLook()
	s.pause = max(lookSoon, min(2*s.pause, lookSeldom))
	if s.loss.pending() || s.stuck.seen && !s.stuck.told {
		s.pause = lookSoon
	}
	s.until, s.cancel = context.WithTimeout(ctx, s.pause)
}

func (s *stream) endLook() {
	if s.cancel != nil {
		s.cancel()
		s.cancel = nil
	}
}

// look is what a stream does now and then while nothing comes.
func (s *stream) look(ctx context.Context) {
	s.loss.look(s.sub.Lost())
	s.unstick(ctx)
}

// claimPatience is how long tap --exit gives a publisher to finish the frame that it has begun.
const claimPatience = 100 * time.Millisecond

// printTo prints the frames that are there, up to position tail.
func (s *stream) printTo(ctx context.Context, tail uint64) error {
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for range busyBatch {
			f, err := s.sub.TryReceive()
			if f == nil && err == nil {
				if s.sub.Stats().Position >= tail {
					return s.due()
				}
				soon, cancel := context.WithTimeout(ctx, claimPatience)
				f, err = s.sub.Receive(soon)
				cancel()
				if errors.Is(err, context.DeadlineExceeded) {
					s.unfinished()
					return s.due()
				}
			}
			if err != nil {
				return err
			}
			if f.Position() >= tail {
				if !s.member { // a member leaves it to others
					f.Release()
				}
				return s.due()
			}
			if err := s.frame(f); err != nil {
				return err
			}
		}
	}
}

func (s *stream) unfinished() {
	s.say("stopped at position %d%s: a publisher has not finished its frame there", s.sub.Stats().Position, s.loss.of())
}
