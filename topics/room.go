package topics

import "shmbus/internal/mem"

// makeRoom sees to it that the head is at least t+k-n, moving it if it may. t is the tail as the caller loaded it.
//
// The head word is loaded first; then whole frames are walked from the head, or from further on where all before is known to be there, each of which must
// have its stamp; the walk stops at the lowest gate; then one CAS moves the head. A gate that joined in between has changed the count in the head word, so that the
// CAS fails and everything is looked at again. The head moves a sixteenth of the ring further than needed, an eighth from 512 slots on, so that the walk is
// rare, and never if it cannot move far enough.
func (w *Writer) makeRoom(t, k uint64) error {
	r := w.ring
	n := r.mask + 1
	if t < w.next {
		return corrupt("the tail, below what was claimed,", t)
	}
	for {
		hw := r.control.head.Load()
		h := hw & positionMask
		if h == tombstone {
			return ErrRemoved
		}
		if t > maxPosition || h > t {
			if now := r.control.tail.Load(); now > maxPosition || h > now {
				return corrupt("the tail, against the head,", now)
			}
			w.room = h + n // t was old: it cannot be claimed
			return nil
		}
		if t-h > n {
			return corrupt("the head, a lap behind the tail,", h)
		}
		w.room = h + n
		if t+k <= w.room {
			return nil
		}
		turn := r.control.turn.Load()
		if turn != 0 && turn != w.index+1 && !w.impatient {
			w.wait(&r.control.turn, turn, hw)
			return ErrHeldByTurn
		}
		need, goal := t+k-n, t+k-n+n/16
		if n/16 >= mostRun {
			goal = (goal + n/16) &^ (mostRun - 1)
		}
		if turn == w.index+1 {
			goal = need // whoever waited takes just what it needs
		}
		low := r.lowestGate()
		limit := low.limit
		block := r.block()
		p := h
		if h >= w.alone { // then this writer knows that all is there, without a look at lines that readers have
			p = max(h, min(goal, w.next, limit)&^(block-1)) // where no run lies around it
		}
		if at := min(goal, limit) &^ (block - 1); at > p && limit <= t && low.line >= 0 && r.begins(at) {
			p = at // all below a bar is there: who stands at one has come over it, or has joined where nothing before was open
		}
		var st, over uint64
		ok, span, to := true, uint64(0), p
		for p < goal && p < t {
			st = r.at(p).stamp.Load()
			if st == makeStamp(p, 1, r.mask, committed) && p < limit { // most are
				to, over, p = p, st, p+1
				continue
			}
			if span, ok = resolved(st, p, r.mask); !ok || p+span > limit {
				break
			}
			to, over, p = p, st, p+span
		}
		if to == p || !r.couldGrow(over, p) {
			to = p
		} else if next := r.at(p).stamp.Load(); there(next, p, r.mask) {
			to = p
		} else {
			st, ok = next, false // the head stays before the run, which was walked over last
		}
		switch {
		case p > t:
			if p > r.control.tail.Load() {
				return corrupt("a stamp, which covers more than was claimed,", st)
			}
			return nil // t was old: a run has grown over it
		case to >= need:
			if r.control.head.CompareAndSwap(hw, hw+(to-h)) {
				w.room = to + n
				w.pace()
				return nil
			}
		case p < need && (p >= limit || ok && p+span > limit):
			if low.word.Load() != low.value {
				continue // it moved on or left meanwhile, and may have rung already
			}
			w.heldGate = low.line
			w.wait(low.word, low.value, hw)
			return ErrHeldByGate
		default:
			w.heldAt = p
			w.wait(&r.at(p).stamp, st, hw)
			if to < p {
				w.heldToo, w.heldFrom = &r.at(to).stamp, over
			}
			return ErrHeldBySlot
		}
	}
}

// A bar is what the head may not pass: the word it was found in, and its value there.
type bar struct {
	limit uint64
	word  *mem.Word
	value uint64
	line  int
}

// lowestGate is the lowest position the head may not pass. It walks the whole table for cursors and, if one of them is a group's, once
// more for pins: a member pins before it moves the group's cursor, so who sees the cursor moved sees the pin.
func (r *Ring) lowestGate() bar {
	low := bar{limit: 1 << 63, line: -1}
	if r.geometry.Policy != PolicyLossless {
		return low
	}
	groups := false
	for i := range r.gates {
		s := r.gates[i].state.Load()
		if kind := s & kindMask; kind == kindGate || kind == kindGroup {
			groups = groups || kind == kindGroup
			if s>>2 < low.limit {
				low = bar{s >> 2, &r.gates[i].state, s, i}
			}
		}
	}
	if !groups {
		return low
	}
	for i := range r.gates {
		if p := r.gates[i].pin.Load(); p != 0 && pinned(p) < low.limit {
			low = bar{pinned(p), &r.gates[i].pin, p, i}
		}
	}
	return low
}

// wait notes what must change before it is worth trying again.
func (w *Writer) wait(word *mem.Word, value, head uint64) {
	w.held, w.heldValue, w.heldHead, w.heldToo = word, value, head, nil
}

// Ready says whether what the last Claim or Batch was held by has changed.
func (w *Writer) Ready() bool {
	return w.held == nil || w.held.Load() != w.heldValue || w.ring.control.head.Load() != w.heldHead ||
		w.heldToo != nil && w.heldToo.Load() != w.heldFrom
}

// HeldAt is the position of the slot that the last ErrHeldBySlot was about.
func (w *Writer) HeldAt() uint64 { return w.heldAt }

// HeldGate is the subscription line that the last ErrHeldByGate was about.
func (w *Writer) HeldGate() int { return w.heldGate }

// TakeTurn makes this writer the first among those that wait for room, if nobody is. It never waits.
func (w *Writer) TakeTurn() {
	if w.ring.control.turn.Load() == 0 {
		w.ring.control.turn.CompareAndSwap(0, w.index+1)
	}
}

// PassTurn lets go of the turn and says whether it was held. The caller rings the room bell then.
func (w *Writer) PassTurn() bool {
	w.impatient = false
	return w.ring.control.turn.Load() == w.index+1 && w.ring.control.turn.CompareAndSwap(w.index+1, 0)
}

// Impatient makes the writer ignore others' turns until PassTurn. The turn is fairness, not safety: its holder may be stopped.
func (w *Writer) Impatient() { w.impatient = true }
