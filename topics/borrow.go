package topics

import "shmbus/internal/mem"

// A Frame is what the ring says of one frame, but for the number of one that was borrowed of a run, which nobody asks for.
type Frame struct {
	description
	Position uint64
	Span     uint64 // slots
	Payload  []byte // of a borrowed frame: the ring's own memory; to be left alone, as the next frame borrowed into the same Frame may have its length
	Attempt  uint32 // of a member: how often the frame has been handed out in its group, or as often as it can say
	Held     bool   // set when the frame is borrowed; for the borrower, who clears it
	like     uint64 // of the run that the frame is of, if it was borrowed as one of several; 0 otherwise. See borrowRun
}

// Publisher is the id of the frame's publisher.
func (f *Frame) Publisher() uint64 { return f.publisher.Get() }

// Sequence counts the frames of the publisher, from 1.
func (f *Frame) Sequence() uint64 { return f.sequence.Get() }

// Time is in Unix nanoseconds, 0 for none.
func (f *Frame) Time() int64 { return int64(f.time.Get()) }

// Length is the payload's, in bytes.
func (f *Frame) Length() int { return int(uint32(f.meta.Get())) }

// Kind says how the payload is encoded.
func (f *Frame) Kind() Kind { return Kind(f.meta.Get() >> 48) }

// line is the index of the line whose number the frame has.
func (f *Frame) line() uint16 { return uint16(f.meta.Get() >> 32) }

// describe reads a descriptor.
func (f *Frame) describe(d *slot, pos, span uint64) {
	mem.Read(&f.description, &d.description)
	f.Position, f.Span, f.like = pos, span, 0
}

// fits says whether the frame's length fits its span.
func (r *Reader) fits(f *Frame) bool { return uint64(f.Length()) <= f.Span<<(r.ring.shift&63) }

// misfit is the error of a frame that does not fit.
func misfit(length uint64) error { return corrupt("a frame's length", length) }

// BorrowMany reads the next frames of a gate, as many as are there, at most len(fs), and says how many. If there is none it looks so many
// times more, without a pause in between. Payloads alias the ring and stay as they are until Release or Store has moved the cursor past
// them. Several are read as long as each has one slot and a stamp of its own, or as they are of one run. Errors: ErrEmpty if there is none, for
// reasons that Stuck knows; ErrKicked, ErrCorrupt. fs must not be empty.
//
// What can be known before a frame is there is worked out before the looks: what is done after them is part of the frame's latency.
func (r *Reader) BorrowMany(fs []*Frame, looks int) (n int, err error) {
	g, line, pos := r.ring, r.line, r.pos
	if r.run.has(pos) {
		return r.borrowRun(fs)
	}
	if r.taking.owed != 0 {
		r.taking.takeOwed()
	}
	stamp, state := makeStamp(pos, 1, g.mask, committed), r.stored<<2|kindGate
	if left := g.mask + 1 - pos&g.mask; left < uint64(len(fs)) { // to the end of the lap all have this stamp, and lie side by side
		fs = fs[:left]
	}
	d, cell := g.slots.At(pos), g.single.At(pos)
	edge, was := r.edge(d)
	for most := looks; looks > 0; looks-- {
		st := d.stamp.Load()
		r.touched += *cell.First() // whatever is there: so both lines come together when they have changed
		r.touched += *cell.First() // and again: with two, wherever the linker puts it, the loop ends as soon as the best of those that were tried (docs/BENCHMARKS.md)
		if there(st, pos, g.mask) || edge.Load() != was {
			break
		}
		if looks == most {
			r.runs = 0
		}
	}
	for _, f := range fs {
		if d.stamp.Load() != stamp {
			break
		}
		f.describe(d, pos, 1)
		if !cell.Fits(f.Length()) {
			break
		}
		b := cell.Bytes(f.Length())
		d, cell, pos = g.slots.After(d), cell.After(), pos+1
		f.Payload, f.Held = b, true
	}
	if pos == r.pos {
		return r.borrowOther(fs)
	}
	r.fence.LoadLoad()
	if st := line.state.Load(); st != state { // after the descriptions: what was read before a kick is whole
		return 0, r.ousted(st)
	}
	n = int(pos - r.pos)
	if r.taking.on && (n > 1 || len(fs[0].Payload) > lineSize) { // a small one alone has no lines to take, and somebody may wait for the answer
		r.taking.takeFrames(r.pos, fs[:n], g.cell)
	}
	r.pos = pos
	r.received += uint64(n)
	return n, nil
}

// Has says whether something begins at pos, or pos lies in the run that is being read. To look may take its line away from the writer that is about to
// fill it.
func (r *Reader) Has(pos uint64) bool {
	return r.run.has(pos) || there(r.ring.slots.At(pos).stamp.Load(), pos, r.ring.mask) || pos == r.pos && r.grown() != 0
}

// Reaches is a position at which something has been published, about n slots ahead of the reader: n, or less by up to a run. Behind it, up to there, all is there, too, but for what other
// publishers have claimed and not finished. 0 says that there is nothing yet.
func (r *Reader) Reaches(n uint64) uint64 {
	p := (r.pos + n) &^ (r.ring.block() - 1)
	if !there(r.ring.slots.At(p).stamp.Load(), p, r.ring.mask) {
		return 0
	}
	r.reaches = p
	return p
}

// borrowOther is BorrowMany for the next frame, if it is not one of one slot, or for those of a run.
func (r *Reader) borrowOther(fs []*Frame) (n int, err error) {
	f := fs[0]
	if !r.find(f) {
		r.runs = 0
		return 0, ErrEmpty
	}
	if r.run.has(r.pos) {
		r.entered()
		return r.borrowRun(fs)
	}
	r.fence.LoadLoad()
	if st := r.line.state.Load(); st != r.stored<<2|kindGate {
		return 0, r.ousted(st)
	}
	if !r.fits(f) {
		return 0, misfit(uint64(f.Length()))
	}
	f.Payload, f.Held = r.ring.payload(r.pos, f.Length()), true
	if r.taking.on {
		r.taking.takeFrames(r.pos, fs[:1], r.ring.cell)
	}
	r.pos += f.Span
	r.received++
	return 1, nil
}

// Stuck says why a gate has nothing to read: ErrEmpty, ErrRemoved, ErrKicked, ErrCorrupt.
func (r *Reader) Stuck() error {
	switch h, err := r.ring.control.head.Load()&positionMask, r.barred(); {
	case h == tombstone:
		return ErrRemoved
	case err != nil:
		return err
	case h > r.pos:
		return corrupt("the head, past a lossless subscription,", h)
	}
	return ErrEmpty
}
