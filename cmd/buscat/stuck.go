package main

import (
	"context"
	"time"

	"shmbus/bus"
)

// A publisher that dies within a frame leaves a gap at which readers wait until somebody who joins the bus has cleared it. A tap
// does not join, and need not be allowed to; if it may it does so for a moment when it is stuck.

// stuck is where a tap was seen to be held up.
type stuck struct {
	at   uint64
	seen bool
	told bool
}

// unstick is called now and then while nothing comes.
func (s *stream) unstick(ctx context.Context) {
	stats := s.sub.Stats()
	if stats.Lag == 0 {
		s.stuck = stuck{}
		return
	}
	if !s.stuck.seen || s.stuck.at != stats.Position {
		s.stuck = stuck{at: stats.Position, seen: true}
		return // it may be a frame that has just been begun
	}
	cleared, err := s.join(ctx, stats.Position)
	if cleared || s.stuck.told || ctx.Err() != nil {
		return
	}
	s.stuck.told = true
	s.say("waiting at position %d%s: a publisher has not finished its frame there; 'buscat stat' shows which", stats.Position, s.loss.of())
	if err != nil {
		s.say("if it is dead, somebody has to join who may write: %s", text(err))
	}
}

// unstickTime is how long the tap joins.
const unstickTime = 100 * time.Millisecond

// join joins the topic for a moment at the frame that is not finished. If its publisher is dead that clears it.
func (s *stream) join(ctx context.Context, pos uint64) (cleared bool, err error) {
	sub, err := s.bus.Subscribe(ctx, s.topic, bus.FromPosition(pos))
	if err != nil {
		return false, err
	}
	defer sub.Close()
	ctx, cancel := context.WithTimeout(ctx, unstickTime)
	defer cancel()
	if f, err := sub.Receive(ctx); err == nil {
		f.Release()
	}
	return sub.Stats().Position > pos, nil
}
