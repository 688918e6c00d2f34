package topics

// Mode says how a Reader reads.
type Mode uint8

const (
	Tap    Mode = iota // copies, stores nothing, cannot be seen by others
	Lossy              // copies, is shown with its lag
	Gate               // borrows, holds the head back; lossless topics only
	Member             // borrows one frame at a time, of those that the members of its group share; lossless topics only
)

// Start says where a Reader starts: at a frame boundary, always.
type Start struct {
	kind uint8
	n    uint64
}

const (
	startNewest = iota
	startOldest
	startPosition
	startLast
	startFirst
)

// Newest starts with the oldest frame that is not finished yet, or else with the next one claimed: everything committed after joining
// is read. (Starting behind open claims would lose what is committed in them, and without a trace.)
func Newest() Start { return Start{} }

// Oldest starts with the oldest frame there is.
func Oldest() Start { return Start{kind: startOldest} }

// AtPosition starts with the first frame whose position is not below pos; with the oldest if that is above pos.
func AtPosition(pos uint64) Start { return Start{startPosition, pos} }

// Last starts so that n frames that are there now are read first, or all if there are fewer.
func Last(n int) Start { return Start{startLast, uint64(max(0, n))} }

// First starts at position 0, with everything that was overwritten since counted as lost: a Gate, which copies nothing, at the oldest frame
// there is. It is for a topic that was made after the reader asked for it.
func First() Start { return Start{kind: startFirst} }

// NewReader joins the topic. owner is not looked at for a Tap. Errors: ErrNoLine, ErrPolicy (a Gate on an overwrite topic),
// ErrRemoved, ErrKicked, ErrCorrupt.
//
// Subscription lines are taken as writer lines are, by CAS on the owner, after reaping if need be. When a Gate has joined, the caller
// rings the room bell: a writer may have seen the cursor lower than it came to stand.
func (r *Ring) NewReader(mode Mode, start Start, owner uint64) (*Reader, error) {
	rd := &Reader{ring: r, index: -1, stride: max(1, (r.mask+1)/8), run: run{like: firstLike()}}
	if mode == Gate && r.geometry.Policy != PolicyLossless {
		return nil, ErrPolicy
	}
	if mode != Tap {
		if err := rd.takeLine(owner); err != nil {
			return nil, err
		}
	}
	var err error
	if mode == Gate {
		rd.kind = kindGate
		rd.taking.on = r.mayTake()
		if rd.pos, err = r.joinHead(rd.line, kindGate, start); err == nil {
			rd.stored, rd.taking.began = rd.pos, rd.pos
			if start.kind == startFirst {
				rd.missed()
			}
		}
	} else {
		if mode == Lossy {
			rd.kind = kindLossy
		}
		err = rd.joinLossy(start)
	}
	if err != nil {
		rd.Close()
		return nil, err
	}
	rd.enter()
	return rd, nil
}

// missed counts the frames that were overwritten before a gate has joined that was to get all. No more are: the gate is there.
func (r *Reader) missed() {
	l := &r.loss
	l.init(len(r.ring.writers))
	for tries := 0; r.pos > 0 && !l.start(r.ring, r.pos); tries++ {
		if tries > 16 {
			return // what is in the lines cannot be
		}
	}
	for i, frames := range l.next {
		if frames > 0 {
			l.total += frames
			l.by[l.last[i]] += frames
		}
	}
}

func (r *Reader) takeLine(owner uint64) error {
	g := r.ring
	for attempt := 0; attempt < 2; attempt++ {
		for i := range g.gates {
			l := &g.gates[i]
			if l.owner.Load() != 0 || !l.owner.CompareAndSwap(0, owner) {
				continue
			}
			r.line, r.index, r.owner = l, i, owner
			l.subscription.Store(g.control.subscriptions.Add(1))
			l.received.Store(0)
			l.lost.Store(0)
			l.attempts.Store(0)
			return nil
		}
		g.ReapGates() // and look again, as somebody else may have reaped
	}
	if _, removed := g.Head(); removed {
		return ErrRemoved
	}
	return ErrNoLine
}

// joinHead writes the cursor into l, then adds one to the count in the head word: every move of the head that was computed without this
// cursor fails. If the head has passed the cursor meanwhile, the cursor moves up to it. It says where the cursor stands. A kick that comes
// meanwhile is not undone: ErrKicked.
func (r *Ring) joinHead(l *gateLine, kind uint64, start Start) (uint64, error) {
	c := r.control
	pos := c.head.Load() & positionMask
	if start.kind == startNewest && pos != tombstone {
		var err error
		if pos, err = r.newest(); err != nil {
			return 0, err
		}
	}
	l.state.Store(pos<<2 | kind)
	for {
		hw := c.head.Load()
		h := hw & positionMask
		if h == tombstone {
			return 0, ErrRemoved
		}
		if h > pos && !l.advance(&pos, h, kind) {
			return 0, ErrKicked
		}
		if c.head.CompareAndSwap(hw, hw+countOne) {
			break
		}
	}
	if start.kind == startPosition || start.kind == startLast {
		if !l.advance(&pos, r.seek(start), kind) {
			return 0, ErrKicked
		}
	}
	return pos, nil
}

// advance moves the cursor of a line that is joining from pos to a later position, unless it was kicked.
func (l *gateLine) advance(pos *uint64, to, kind uint64) bool {
	from := *pos
	*pos = to
	return l.state.CompareAndSwap(from<<2|kind, to<<2|kind)
}

// joinLossy finds a position and the base of the loss count that goes with it. Where the ring moves too fast, later positions are
// tried: from the newest on the walk is shortest. A ring that laps faster than its lines can be looked at gets a base of its own kind.
func (r *Reader) joinLossy(start Start) error {
	c := r.ring.control
	r.loss.init(len(r.ring.writers))
	for tries := 0; ; tries++ {
		h := c.head.Load() & positionMask
		tail := c.tail.Load()
		switch {
		case h == tombstone:
			return ErrRemoved
		case h > tail:
			if h > c.tail.Load() {
				return corrupt("the head, past the tail,", h)
			}
			continue
		}
		if start.kind == startFirst {
			r.pos = 0
			break // nothing was read: every line's base is 0
		}
		var err error
		switch {
		case start.kind == startNewest || tries > 8:
			if r.pos, err = r.ring.newest(); err != nil {
				return err
			}
		case start.kind == startOldest:
			r.pos = h
		default:
			r.pos = r.ring.seek(start)
		}
		if r.loss.start(r.ring, r.pos) {
			break
		}
		if tries > 256 {
			r.loss.startLoose(r.ring)
			if r.pos, err = r.ring.newest(); err != nil {
				return err
			}
			break
		}
	}
	if r.line != nil {
		r.show()
	}
	return nil
}

// newest is the lowest position that is claimed and not finished; the tail if there is none. All below it is finished: whoever claimed
// a slot below a tail has announced it, and withdraws only after its stamp. Of a claim of several frames the head may have passed the first. An announcement
// below the head is of a claim that was never taken, or is stamped.
func (r *Ring) newest() (uint64, error) {
	h := r.control.head.Load() & positionMask
	pos := r.control.tail.Load()
	if pos > maxPosition {
		return 0, corrupt("the tail", pos)
	}
	for i := range r.writers {
		if start, end, open := r.pending(&r.writers[i]); open && end > h {
			pos = min(pos, max(start, h))
		}
	}
	return pos, nil
}

// newestFrame is the position of the newest frame that its publisher has described, if it is above low; else low. The tail is loaded
// last, so that only what cannot be is above it.
func (r *Ring) newestFrame(low uint64) uint64 {
	pos := low
	for i := range r.writers {
		w := &r.writers[i]
		if w.frames.Load() != 0 { // otherwise last is nothing's
			pos = max(pos, w.last.Load())
		}
	}
	if pos >= r.control.tail.Load() {
		return low
	}
	return pos
}

// seek walks from the head to where start says, over frames that are finished, and not past the tail.
func (r *Ring) seek(start Start) uint64 {
	if start.kind == startPosition {
		return r.walk(func(p, frames uint64) (uint64, bool) {
			return max(p, start.n), p >= start.n || frames > 1 && p+frames > start.n
		})
	}
	skip := uint64(0)
	r.walk(func(_, frames uint64) (uint64, bool) {
		skip += frames
		return 0, false
	})
	skip -= min(skip, start.n)
	return r.walk(func(p, frames uint64) (uint64, bool) {
		if skip < frames {
			return p + skip, true
		}
		skip -= frames
		return 0, false
	})
}

// walk calls f with the position of each frame, hole and run from the head on, and how many frames it is, until f says where to stop. It stops
// before what is not finished, and at the tail.
func (r *Ring) walk(f func(pos, frames uint64) (at uint64, stop bool)) uint64 {
	p, tail := r.control.head.Load()&positionMask, r.control.tail.Load()
	for steps := uint64(0); p < tail && steps <= r.mask+1; steps++ {
		st := r.at(p).stamp.Load()
		span, ok := resolved(st, p, r.mask)
		if !ok {
			break
		}
		if at, stop := f(p, frames(st, span)); stop {
			return at
		}
		p += span
	}
	return p
}
