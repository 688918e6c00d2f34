package topics

// Reaping: what a proven-dead participant held is given back. Stamps must be writable for it.
//
// A line is reaped by taking its owner's place with a CAS, so that one reaper wins, and a reaper that dies is reaped in turn. A
// slot below the tail without a stamp that no living claim covers is marked aborted by a CAS on the stamp that was seen before
// the lines were looked at: had its writer lived and finished meanwhile, that CAS would fail.

// AnyDead says whether Sweep would find something. It stores nothing.
func (r *Ring) AnyDead() bool {
	for i := range r.writers {
		if o := r.writers[i].owner.Load(); o != 0 && !r.alive(o) {
			return true
		}
	}
	for i := range r.gates {
		if r.left(i) {
			return true
		}
	}
	return false
}

// left says whether gate line i was left by the dead, and nobody may want to have what it holds. A group without living members, and the
// frames that dead ones have in hand, wait for a new member, until somebody is held up by them.
func (r *Ring) left(i int) bool {
	l := &r.gates[i]
	o := l.owner.Load()
	return o != 0 && o != ownerGroup && !r.alive(o) && l.pin.Load() == 0
}

// Sweep frees the lines of the dead that hold nothing others may want, and says how many they were. The caller then rings both bells.
func (r *Ring) Sweep() int {
	count := r.ReapWriters()
	for i := range r.gates {
		if r.left(i) && r.ReapGate(i) {
			count++
		}
	}
	return count
}

// ReapWriters frees the lines of dead publishers and says how many they were.
func (r *Ring) ReapWriters() int {
	count := 0
	for i := range r.writers {
		if o := r.writers[i].owner.Load(); o != 0 && !r.alive(o) && r.reapWriter(i, o) {
			count++
		}
	}
	return count
}

// keep keeps the memory in place up to the call of what it returns. A reaper that began in the ring's memory and went on in another would leave a
// line to itself, who lives: nobody could ever free it.
func (r *Ring) keep() (done func()) {
	if r.Kept == nil {
		return func() {}
	}
	r.Kept.Lock()
	return r.Kept.Unlock
}

// reapWriter frees line i, held by the dead owner o.
func (r *Ring) reapWriter(i int, o uint64) bool {
	defer r.keep()()
	l := &r.writers[i]
	if r.Self == 0 || !l.owner.CompareAndSwap(o, r.Self) {
		return false
	}
	r.finishLine(i)
	return true
}

// finishLine aborts the open claim of line i, which the caller owns, and frees the line.
func (r *Ring) finishLine(i int) {
	l := &r.writers[i]
	if c := l.claim.Load(); c != 0 {
		tail := r.control.tail.Load()
		end := min(c-1+min(l.length.Load(), r.mask+1), tail)
		r.abortUncovered(c-1, end, i)
		l.claim.StoreRelease(0)
	}
	r.control.turn.CompareAndSwap(uint64(i)+1, 0)
	r.resign(l.publisher.Load())
	l.owner.Store(0)
}

// Held says whether a living publisher's claim covers pos: then there is nothing to recover.
func (r *Ring) Held(pos uint64) bool {
	_, held := r.covered(pos, -1)
	return held
}

// Recover looks at the slot at pos, which has held somebody up, and marks it and its neighbours aborted if their writer is dead. It
// reports whether anything changed; the caller then rings both bells: the dead may have held the turn as well.
func (r *Ring) Recover(pos uint64) bool {
	n := r.ReapWriters()
	return r.abortUncovered(pos, r.control.tail.Load(), -1) > 0 || n > 0
}

// ReapTurn frees the line of the publisher that waits first for room if its owner is dead, and says whether anything changed; the
// caller then rings both bells.
func (r *Ring) ReapTurn() bool {
	turn := r.control.turn.Load()
	if turn == 0 || turn > uint64(len(r.writers)) {
		return turn != 0 && r.control.turn.CompareAndSwap(turn, 0) // nobody's: nothing but fairness is lost with it
	}
	o := r.writers[turn-1].owner.Load()
	if o == 0 {
		return r.control.turn.CompareAndSwap(turn, 0)
	}
	return !r.alive(o) && r.reapWriter(int(turn-1), o)
}

// abortUncovered marks slots in [p, end) that have no stamp and that no claim of a living publisher covers, in one pass. Line
// except does not count. end must not be above a tail loaded before, so that whoever claimed a slot below it has announced it.
func (r *Ring) abortUncovered(p, end uint64, except int) int {
	count := 0
	if end-p > r.mask+1 {
		return 0
	}
	for p < end {
		st := r.at(p).stamp.Load()
		if span, ok := resolved(st, p, r.mask); ok {
			p += span
			continue
		}
		// Below the head nothing is held up, and slots may hold newer frames. A head not above p, loaded after st, says that st is
		// no newer frame's.
		if h := r.control.head.Load() & positionMask; h > p {
			p = h
			continue
		}
		if next, held := r.covered(p, except); held {
			p = next
			continue
		}
		// Who stands within a run waits for nothing; and a claim that was not taken may end there. A claim that has just been closed has its stamp.
		if start, _, span := r.around(p); start != p {
			p = start + span
			continue
		}
		if !plausible(st, p, r.mask) {
			return count // nobody's unfinished slot: Sound says what it is
		}
		if r.at(p).stamp.CompareAndSwap(st, makeStamp(p, 1, r.mask, aborted)) {
			count++
			p++
		}
	}
	return count
}

// covered says whether a living publisher's claim covers pos, and where that claim ends. The owner is loaded before and after: a dead
// owner and its successor on the line may announce the same position with different lengths.
func (r *Ring) covered(pos uint64, except int) (end uint64, held bool) {
	for i := range r.writers {
		if i == except {
			continue
		}
		w := &r.writers[i]
		o := w.owner.Load()
		start, end, open := w.open()
		for now := w.owner.Load(); now != o; now = w.owner.Load() {
			o = now
			start, end, open = w.open()
		}
		if open && pos >= start && pos < end && o != 0 && r.alive(o) {
			return end, true
		}
	}
	return 0, false
}

// open is the claim a line announces.
func (l *writerLine) open() (start, end uint64, open bool) {
	for {
		c := l.claim.Load()
		if c == 0 {
			return 0, 0, false
		}
		n := min(l.length.Load(), MaxSlots)
		if l.claim.Load() == c {
			return c - 1, c - 1 + n, true
		}
	}
}

// pending is the claim a line announces, unless its frame is there: while a run grows its newest frame's stays announced.
func (r *Ring) pending(l *writerLine) (start, end uint64, open bool) {
	start, end, open = l.open()
	if open && end == start+1 {
		head, removed := r.Head()
		tail := r.control.tail.Load()
		open = !r.inFrame(start) && (removed || head <= start) && (tail <= start || tail-start <= r.mask+1) // a lap on the head has passed it
	}
	return start, end, open
}

// ReapGate frees gate line i if its owner is dead, or if it is the line of a group without living members, and says whether it did. The
// caller then rings the room bell. The line of a dead member with a frame in hand goes when another member has adopted it, or with its
// group: the caller rings the data bell, so that a member looks. A line that bars the head and has no owner, which nobody leaves behind,
// would do so for ever: it is freed as well.
func (r *Ring) ReapGate(i int) bool {
	defer r.keep()()
	g := &r.gates[i]
	o := g.owner.Load()
	switch {
	case r.Self == 0:
		return false
	case o == 0:
		if !g.bars() || !g.owner.CompareAndSwap(0, r.Self) {
			return false
		}
		r.freeGate(g)
		return true
	case r.alive(o):
		return false
	}
	if g.state.Load()&kindMask == kindGroup {
		return r.reapGroup(i, o)
	}
	if g.pin.Load() != 0 {
		r.reapEmpty(g.group.Load())
		return g.owner.Load() != o
	}
	if !g.owner.CompareAndSwap(o, r.Self) {
		return false
	}
	r.freeGate(g)
	return true
}

// ReapGates frees the lines of dead subscriptions and groups, whatever they hold, and says how many they were: there is need of them.
func (r *Ring) ReapGates() int {
	count := 0
	for i := range r.gates {
		if r.ReapGate(i) {
			count++
		}
	}
	return count
}

// FinishWriter frees writer line i, which owner holds and whose writer can store no more, aborting an open claim. The caller rings
// both bells.
func (r *Ring) FinishWriter(i int, owner uint64) {
	if r.writers[i].owner.Load() == owner {
		r.finishLine(i)
	}
}

// FinishReader frees subscription line i, which owner holds and whose reader can store no more. The caller rings the room bell.
func (r *Ring) FinishReader(i int, owner uint64) {
	if g := &r.gates[i]; g.owner.Load() == owner {
		r.leave(g)
	}
}

// leave frees a subscription's line, which the caller owns.
func (r *Ring) leave(l *gateLine) {
	if l.group.Load() != 0 {
		r.leaveGroup(l)
		return
	}
	r.freeGate(l)
}
