package topics

// maxAttempts is where attempts stop being counted.
const maxAttempts = 1<<32 - 1

// Take takes the next frame of the group, which no other member then gets, unless this one dies or leaves with it in hand. The
// frame stays as it is until Ack, and no other may be taken before. If there is none, or look is set, frames of dead members come
// first. It stores, but never waits. Errors: ErrEmpty, ErrRemoved, ErrCorrupt.
func (r *Reader) Take(f *Frame, look bool) ([]byte, error) {
	if look {
		if b, err := r.adopt(f); err != ErrEmpty {
			return b, err
		}
	}
	g := r.ring
	for steps := uint64(0); ; steps++ {
		st := r.shared.state.Load()
		pos := st >> 2
		switch {
		case st&kindMask != kindGroup:
			return nil, corrupt("the group's cursor", st)
		case steps > 1<<20: // others are always quicker, or what is read makes no sense
			r.Ack()
			return nil, ErrEmpty
		}
		r.pos = pos
		if !r.pin(pos, 1) { // before the cursor moves: see lowestGate
			return nil, r.disowned()
		}
		start, what, span := r.standsIn()
		switch {
		case what&3 == aborted:
			r.shared.state.CompareAndSwap(st, (pos+span)<<2|kindGroup)
		case what != 0:
			end := pos + span
			if what&3 == committedRun {
				end = pos + 1
			}
			if !r.shared.state.CompareAndSwap(st, end<<2|kindGroup) {
				continue
			}
			r.describe(f, start, what, span) // now that the pin holds the head back: one that was set too late held nothing
			if !r.fits(f) {
				r.Ack()
				return nil, misfit(uint64(f.Length()))
			}
			f.Attempt = 1
			return r.hand(f), nil
		case r.shared.state.Load() != st:
		default:
			r.Ack()
			switch h := g.control.head.Load() & positionMask; {
			case h == tombstone:
				return nil, ErrRemoved
			case h > pos && r.shared.state.Load() == st:
				return nil, corrupt("the head, past a group,", h)
			}
			if look {
				return nil, ErrEmpty
			}
			return r.adopt(f)
		}
	}
}

// standsIn is the frame, run or hole at the member's position: where it begins, its stamp, and how many slots it covers. The stamp is 0 if there is none.
// Others take frames of the same run, so that it may be one that this member has not come to.
func (r *Reader) standsIn() (start, st, span uint64) {
	if r.run.has(r.pos) {
		return r.run.start, committedRun, r.run.end - r.run.start
	}
	st = r.ring.at(r.pos).stamp.Load()
	if span, ok := resolved(st, r.pos, r.ring.mask); ok {
		return r.pos, st, span
	}
	if r.pos == r.run.end {
		if span := r.grown(); span != 0 {
			return r.run.start, committedRun, span
		}
		return r.pos, 0, 0
	}
	if r.pos >= r.ring.Tail() { // most often: there is nothing yet
		return r.pos, 0, 0
	}
	start, st, span = r.ring.around(r.pos)
	if st&3 != committedRun {
		return r.pos, 0, 0
	}
	return start, st, span
}

// pin pins a position: the head will not pass it. It is a full barrier. If the line is not the reader's any more it does nothing, and says so.
func (r *Reader) pin(pos, attempts uint64) bool {
	if !r.mine() {
		return false
	}
	if r.attempts != attempts {
		r.attempts = attempts
		r.line.attempts.Store(attempts)
	}
	r.line.pin.Store(makePin(pos, r.line.subscription.Load()))
	return true
}

// hand counts a frame that is now in hand, and gives its bytes.
func (r *Reader) hand(f *Frame) []byte {
	r.pos = f.Position + f.Span
	r.received++
	if r.mine() {
		r.line.received.StoreRelease(r.received)
	}
	return r.ring.payload(f.Position, f.Length())
}

// Ack says that the frame in hand is done with. The caller then looks whether somebody sleeps on the room bell.
func (r *Reader) Ack() {
	if r.mine() {
		r.line.pin.Store(0)
	}
}

// adopt takes over the frame of a dead member, if there is one: ErrEmpty if not.
//
// The own pin comes first; then one is added to the count in the head word, so that every move of the head fails that was computed
// without that pin; then the dead one's pin is cleared by a CAS, so that one adopter wins. The pin is of one holder of the line only, so
// that a line which somebody else has got meanwhile is left alone. If the group's cursor has not passed the frame, the dead member had not
// taken it yet, and it will be taken as usual.
func (r *Reader) adopt(f *Frame) ([]byte, error) {
	g := r.ring
	for i := range g.gates {
		l := &g.gates[i]
		p := l.pin.Load()
		if p == 0 || l == r.line || !g.isMember(l, r.group) {
			continue
		}
		if o := l.owner.Load(); o == 0 || g.alive(o) {
			continue
		}
		pos, attempts := pinned(p), l.attempts.Load()
		if !r.pin(pos, min(attempts, maxAttempts)+1) {
			return nil, r.disowned()
		}
		if err := r.stay(pos); err != nil {
			r.Ack()
			if err == ErrEmpty { // nothing is there any more, but the pin holds the head up
				l.pin.CompareAndSwap(p, 0)
				g.ReapGate(i)
				continue
			}
			return nil, err
		}
		won := l.pin.CompareAndSwap(p, 0)
		g.ReapGate(i)
		r.pos = pos
		start, what, span := r.standsIn()
		if !won || what == 0 || what&3 == aborted || r.shared.state.Load()>>2 <= pos {
			r.Ack()
			r.follow()
			continue
		}
		r.describe(f, start, what, span)
		if !r.fits(f) {
			r.Ack()
			return nil, misfit(uint64(f.Length()))
		}
		f.Attempt = uint32(min(r.attempts, maxAttempts))
		return r.hand(f), nil
	}
	return nil, ErrEmpty
}

// stay makes every move of the head fail that was computed without the own pin at pos. ErrEmpty: the head has passed it.
func (r *Reader) stay(pos uint64) error {
	head := &r.ring.control.head
	for {
		hw := head.Load()
		switch h := hw & positionMask; {
		case h == tombstone:
			return ErrRemoved
		case h > pos:
			return ErrEmpty
		}
		if head.CompareAndSwap(hw, hw+countOne) {
			return nil
		}
	}
}
