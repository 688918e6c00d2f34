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
func (t *tap) unstick(ctx context.Context) {
	s := t.sub.Stats()
	if s.Lag == 0 {
		t.stuck = stuck{}
		return
	}
	if !t.stuck.seen || t.stuck.at != s.Position {
		t.stuck = stuck{at: s.Position, seen: true}
		return // it may be a frame that has just been begun
	}
	cleared, err := t.join(ctx, s.Position)
	if cleared || t.stuck.told || ctx.Err() != nil {
		return
	}
	t.stuck.told = true
	t.say("waiting at position %d: a publisher has not finished its frame there; 'buscat stat' shows which", s.Position)
	if err != nil {
		t.say("if it is dead, somebody has to join who may write: %s", text(err))
	}
}

// unstickTime is how long the tap joins.
const unstickTime = 100 * time.Millisecond

// join joins the topic for a moment at the frame that is not finished. If its publisher is dead that clears it.
func (t *tap) join(ctx context.Context, pos uint64) (cleared bool, err error) {
	s, err := t.bus.Subscribe(ctx, t.topic, bus.FromPosition(pos))
	if err != nil {
		return false, err
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(ctx, unstickTime)
	defer cancel()
	if f, err := s.Receive(ctx); err == nil {
		f.Release()
	}
	return s.Stats().Position > pos, nil
}
