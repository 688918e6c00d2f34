package main

import (
	"context"
	"errors"
	"time"

	"shmbus/bus"
)

// A held is the newest record of a topic, kept by --every until it may be printed.
type held struct {
	record
	memory []byte
	full   bool
	last   time.Time // a record was printed
}

// hold keeps a record, in place of the one before. The frame it is of can be released.
func (h *held) hold(r *record) {
	h.memory = append(h.memory[:0], r.body...)
	h.record, h.full = *r, true
	h.body = h.memory
}

// due prints the held record if it is time to.
func (s *stream) due() error {
	if !s.held.full || !s.held.last.IsZero() && time.Since(s.held.last) < s.every {
		return nil
	}
	return s.printHeld()
}

func (s *stream) printHeld() error {
	s.held.full, s.held.last = false, time.Now()
	return s.print(&s.held.record)
}

// rest prints the held record of a topic that has come to its end, with that error: no newer one will come. A tap that ends before its topic leaves it.
func (s *stream) rest(ctx context.Context, err error) error {
	if !s.held.full || err == nil || ctx.Err() != nil || errors.Is(err, errEnough) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.printHeld(); e != nil {
		return e
	}
	if e := s.out.flush(); e != nil {
		return e
	}
	return err
}

// receive waits for a frame, till the next look at most; till the held record is due at most, if there is one.
func (s *stream) receive() (*bus.Frame, error) {
	if !s.held.full {
		return s.sub.Receive(s.until)
	}
	ctx, cancel := context.WithDeadline(s.until, s.held.last.Add(s.every))
	defer cancel()
	return s.sub.Receive(ctx)
}
