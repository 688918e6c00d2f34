package topics

import "shmbus/internal/mem"

// A Reader reads frames in order, in one of four ways: as a gate it borrows frames and holds the head back; as a member it takes
// its share of what a group gets; as a lossy subscription it copies, and is shown with its lag; as a tap it copies and stores nothing. It
// is for one goroutine at a time and never waits.
type Reader struct {
	ring   *Ring
	line   *gateLine // nil for a tap
	index  int       // of the line
	owner  uint64    // of the line
	kind   uint64    // kindGate, kindLossy, kindNone
	pos    uint64    // of the next frame
	stored uint64    // cursor as last stored
	stride uint64    // store the cursor at least this often
	fence  mem.Fence

	touched  byte  // what Glance loaded, so that it is loaded; it means nothing
	laps     uint8 // in a row, up to a few
	before   uint8 // how many frames the run had that it was in before
	received uint64
	loss     loss

	run     run    // it may be over
	runs    int    // that followed each other and were there before the reader was, or nearly
	reaches uint64 // what Reaches last said, but 0

	taking taking

	shared   *gateLine // a member's group
	group    uint64    // hash of its name
	attempts uint64    // as last stored
}

// Line is the index of the reader's line; -1 for a tap.
func (r *Reader) Line() int { return r.index }

// Position is the position of the next frame to be read; of a member, where its group was when it last looked.
func (r *Reader) Position() uint64 { return r.pos }

// Lag is how many slots are claimed and not yet read.
func (r *Reader) Lag() uint64 {
	r.follow()
	if t := r.ring.Tail(); t > r.pos {
		return t - r.pos
	}
	return 0
}

// Received is how many frames were read.
func (r *Reader) Received() uint64 { return r.received }

// follow makes a member stand where its group does.
func (r *Reader) follow() {
	if r.shared != nil {
		r.pos = r.shared.state.Load() >> 2
	}
}

// Ready says whether BorrowMany, Take or Copy has something to say: a frame, a hole, a lap, or the topic's end.
func (r *Reader) Ready() bool {
	r.follow()
	if r.run.has(r.pos) || r.ring.finished(r.pos) || r.grown() != 0 || r.shared != nil && r.pos != r.run.end && r.ring.runStart(r.pos) != r.pos {
		return true
	}
	return r.ring.control.head.Load()&positionMask > r.pos || r.barred() != nil
}

// Glance looks for a frame, and n times more without a pause in between, and says whether there is one. It loads nothing but the stamp and,
// with it, the payload's first byte, whatever is there: so both lines come together when they have changed.
func (r *Reader) Glance(n int) bool {
	g := r.ring
	d, mask := g.at(r.pos), g.mask
	edge, was := r.edge(d)
	first := &g.cells[(r.pos&mask)<<(g.shift&63)]
	for ; ; n-- {
		st := d.stamp.Load()
		r.touched += *first
		if there(st, r.pos, mask) || edge.Load() != was || r.run.has(r.pos) {
			return true
		}
		if n == 0 {
			return false
		}
	}
}

// there says whether stamp st says anything of position pos, in few instructions: what it says may make no sense.
func there(st, pos, mask uint64) bool { return (st>>2^pos)&^mask == 0 && st&3 != 0 }

// find describes the next frame in f and says whether there is one. It steps over holes.
func (r *Reader) find(f *Frame) bool {
	if r.run.has(r.pos) {
		r.describePart(f, 0, 0)
		return true
	}
	g := r.ring
	for {
		d := g.at(r.pos)
		st := d.stamp.Load()
		span, ok := resolved(st, r.pos, g.mask)
		switch {
		case !ok:
			span = r.grown()
			if span != 0 {
				r.describePart(f, r.run.start, span)
			}
			return span != 0
		case st&3 == committed:
			f.describe(d, r.pos, span)
			return true
		case st&3 == committedRun:
			r.describePart(f, r.pos, span)
			return true
		}
		r.pos += span
	}
}

// Release says that all frames before pos have been released. It stores the cursor when it is an eighth of the ring behind, and
// reports whether it did: the caller then looks whether somebody sleeps on the room bell.
func (r *Reader) Release(pos uint64) bool {
	return r.Due(pos) && r.Store(pos)
}

// Due says whether Release would store the cursor.
func (r *Reader) Due(pos uint64) bool { return pos-r.stored >= r.stride }

// Store stores the cursor now, if it is behind pos and the line is the reader's, and reports whether it did. It is a full barrier then.
func (r *Reader) Store(pos uint64) bool {
	if r.line == nil || pos == r.stored || !r.mine() { // another gate may have come to stand just there
		return false
	}
	r.line.received.StoreRelease(r.received)
	if !r.line.state.CompareAndSwap(r.stored<<2|r.kind, pos<<2|r.kind) {
		return false // kicked
	}
	r.stored = pos
	return true
}

// Copy reads the next frame of a lossy subscription or tap into buf, which it grows as needed and returns cut to the frame's
// length. It is handed out only after the head was seen not to have passed it. Errors: ErrEmpty, ErrRemoved, ErrCorrupt.
func (r *Reader) Copy(f *Frame, buf []byte) ([]byte, error) {
	g := r.ring
	for tries := 0; tries < 16; tries++ {
		if !r.find(f) {
			h := g.control.head.Load() & positionMask
			if h <= r.pos {
				return buf, ErrEmpty
			}
			if err := r.lapped(h); err != nil {
				return buf, err
			}
			continue
		}
		n, fits := f.Length(), r.fits(f)
		if fits {
			if cap(buf) < n {
				buf = make([]byte, n, max(256, n+n/4))
			}
			buf = buf[:n]
			mem.Copy(buf, g.payload(f.Position, n))
		}
		r.fence.LoadLoad()
		if h := g.control.head.Load() & positionMask; h > f.Position {
			if err := r.lapped(h); err != nil {
				return buf, err
			}
			continue
		}
		if !fits {
			return buf, misfit(uint64(n))
		}
		r.laps = 0
		r.pos += f.Span
		r.received++
		r.loss.got(f)
		if r.line != nil && r.pos-r.stored >= r.stride {
			r.show()
		}
		return buf, nil
	}
	return buf, ErrEmpty
}

// lapped moves a reader that the head has passed on to the head; after three laps in a row without a frame in between, to the
// newest frame, which is nearly a ring away from being lapped. It never skips that one: whoever reads too slowly still learns how
// things stand once the publishers pause.
func (r *Reader) lapped(head uint64) error {
	if head == tombstone {
		return ErrRemoved
	}
	if head > r.ring.control.tail.Load() {
		return corrupt("the head, past the tail,", head)
	}
	r.laps = min(r.laps+1, 4)
	r.pos = head
	if r.laps > 3 {
		r.pos = r.ring.newestFrame(head)
	}
	return nil
}

// SkipToNewest moves a copying reader on to the newest frame, if that has been committed. The frames passed over are lost.
func (r *Reader) SkipToNewest() {
	var f Frame
	p := r.ring.newestFrame(r.pos)
	st := r.ring.at(p).stamp.Load()
	if span, ok := resolved(st, p, r.ring.mask); ok && st&3 != aborted {
		r.pos = p
		r.describe(&f, p, st, span)
	} // otherwise it is not finished, or never will be: those before it are what there is
	if p == r.pos {
		r.toLast()
	}
}

// mine says whether the line is still the reader's own. It is looked at just before anything is stored there: whose lease is lost is taken for dead, and
// others get the line.
func (r *Reader) mine() bool { return r.line.owner.Load() == r.owner }

// disowned is the error of a reader whose line is not its own any more.
func (r *Reader) disowned() error {
	return corrupt("a subscription's line, whose owner", r.line.owner.Load())
}

// show stores a lossy subscription's position and counts, for people. Nothing waits for it, so a release store will do.
func (r *Reader) show() {
	r.stored = r.pos
	if !r.mine() {
		return
	}
	r.line.received.StoreRelease(r.received)
	r.line.lost.StoreRelease(r.loss.total)
	r.line.state.StoreRelease(r.pos<<2 | r.kind)
}

// Idle stores what is due before the reader waits, for a lossy subscription.
func (r *Reader) Idle() {
	if r.kind == kindLossy && r.pos != r.stored {
		r.show()
	}
}

// Lost is the exact number of frames this reader missed so far, of all publishers together: those that were overwritten before it
// came to them, and once the topic is removed all that it has not read.
func (r *Reader) Lost() uint64 {
	if r.kind != kindGate && r.shared == nil {
		_, removed := r.ring.Head()
		r.loss.settle(r.ring, r.done(removed))
	}
	return r.loss.total
}

// done is where the frames end that the reader will not read any more: once the topic is removed that is all of them, because Copy hands nothing out then.
func (r *Reader) done(removed bool) uint64 {
	if removed {
		return tombstone
	}
	return r.behind()
}

// behind is where the frames end that lie wholly behind the reader: a run does not that it is in, nor one that may grow over its position.
func (r *Reader) behind() uint64 {
	if r.run.has(r.pos) || r.atEdge() {
		return r.run.start
	}
	return r.pos
}

// Counted is Lost as far as it has been counted already: it looks at nothing shared.
func (r *Reader) Counted() uint64 { return r.loss.total }

// CountedBy calls f for each publisher of which missed frames have been counted already.
func (r *Reader) CountedBy(f func(publisher, frames uint64)) {
	for p, n := range r.loss.by {
		f(p, n)
	}
}

// Close frees the line, unless that is another's by now. The Reader must not be used again. The caller rings the room bell.
func (r *Reader) Close() {
	if r.line == nil {
		return
	}
	r.ring.FinishReader(r.index, r.owner)
	r.line = nil
}
