package bus

import (
	"math"

	"shmbus/topics"
)

// A large frame takes as long to be written as a sleeper takes to be woken. With EarlyWake sleepers are woken while it is still being written; who is
// awake before it is there looks for it a while, and sleeps again if it does not come. That is a ring for no reason, as any sleeper must bear: the
// frame's own ring comes after it, as always.
//
// It is worth nothing where the two are on one CPU, or where whoever fills a loan takes long. The publisher sees that: the sleepers are asleep again
// when the frame is there. Then it is seldom tried.

const (
	earlyFrom = 32 << 10 // bytes of a frame for which sleepers are woken early
	mostEarly = 64       // after so many of these it is tried again, at the latest
)

// An earlyWake says whether it has paid lately to wake sleepers early.
type earlyWake struct {
	rang uint64 // for the frame up to that position; 0: that was in vain, or none
	next int    // so many large frames are let pass before the next try
	gap  int    // the same, when it was last in vain
}

// soon is told that the large frame that has just been claimed will soon be there.
func (p *Publisher) soon() {
	e := &p.early
	if e.rang != 0 {
		e.rang, e.gap = 0, 0 // nobody was asleep when that frame was there
	}
	if e.next > 0 {
		e.next--
		return
	}
	if p.data.Asleep() {
		p.data.Ring(p.notify)
		e.rang = p.w.Next()
	}
}

// late is told that a frame is there, before the bell is rung for it.
func (p *Publisher) late() {
	if e := &p.early; e.rang == p.w.Next() && p.data.Asleep() {
		e.gap = min(max(1, 2*e.gap), mostEarly)
		e.rang, e.next = 0, e.gap
	}
}

// nearing says whether a frame is on its way to a reader that was woken and has found none: claimed, and not committed. It says so once for each
// position, because whoever fills it may take long.
func nearing(r *topics.Reader) func() bool {
	last := uint64(math.MaxUint64)
	return func() bool {
		pos := r.Position()
		if pos == last || r.Lag() == 0 {
			return false
		}
		last = pos
		return true
	}
}
