package topics

import (
	"context"

	"shmbus/internal/clock"
	"shmbus/internal/mem"
)

// Growing: a sole publisher that publishes frame by frame, each of one slot, of the same length and without a time, makes one run of them. It stores the
// stamp of the run's first frame again for each, with a span that is one more, and describes nothing. So a frame costs it, and its readers, one cache line
// instead of two; and what it had to look at for the first frame it need not look at again. A run grows up to the end of its block, and no more once
// anything else has been claimed behind it.
//
// Readers and those who move the head have to know of it. Where a reader has come to the end of a frame of one slot, or of a run, and finds nothing in
// the next slot, it looks whether that has grown. The head never comes to lie behind what may still grow. docs/PROTOCOL.md, "Growing", has the argument.

// growing is the run that a writer's next frame may become part of.
type growing struct {
	next   uint64 // position of that frame; no position: no run may grow
	end    uint64 // where it ends at the latest: the block does, or the room that the writer knows of
	length int    // of its frames
	stamp  uint64 // as it is
	start  *slot  // where it begins
}

// none is a position that no frame has.
const none = 1<<64 - 1

// leastGrowth is how many slots a ring has at least in which runs grow: one of them is not much of it then.
const leastGrowth = 512

// growthOf is Ring.growth, which all who use a ring must agree on.
func growthOf(g Geometry) uint64 {
	if g.NoTime && g.Slots >= leastGrowth {
		return mostRun - 1
	}
	return 0
}

// pace is called when the writer has made room: it looks whether it has been quick since the last time.
func (w *Writer) pace() {
	frames := w.number - w.pacedNumber
	if w.Watch == nil || frames < mostRun { // who waited makes room for one
		return
	}
	now := clock.Now(w.Watch)
	w.streams = uint64(now-w.paced) < frames*streamPace && w.ring.control.sole.Load() == w.key
	w.paced, w.pacedNumber = now, w.number
}

// beginRun says whether the frame of n bytes at t, which is about to be stamped, is to be a run that grows, and prepares for that: its publisher must be the sole one.
func (w *Writer) beginRun(t uint64, n int) bool {
	r := w.ring
	end := min(t|r.growth+1, w.room)
	if t&r.growth == r.growth || t+1 == end || r.control.sole.Load() != w.key {
		return false
	}
	w.grow = growing{next: t + 1, end: end, length: n, stamp: makeStamp(t, 1, r.mask, committedRun), start: r.slots.At(t)}
	return true
}

// Grows says whether a frame of n bytes is for Grow.
func (w *Writer) Grows(n int) bool { return w.next == w.grow.next && n == w.grow.length }

// Grow is Publish for a frame of which Grows says so. It is one function, as Publish is.
func (w *Writer) Grow(ctx context.Context, b []byte) error {
	t := w.next
	line, control := w.line, w.ring.control
	if line.owner.Load() != w.owner || w.Stop.Load() != 0 {
		return w.publishOther(ctx, b)
	}
	line.claim.StoreRelease(t + 1) // its length is 1, that of the claim before
	if !w.reached {
		w.fence.StoreLoad()
	}
	if control.sole.Load() != w.key {
		return w.publishAgain(ctx, b)
	}
	control.tail.StoreRelease(t + 1)
	w.next = t + 1
	switch p := w.ring.single.First(t); {
	case len(b) > 32:
		mem.Copy64(p, b)
	case len(b) >= 16:
		mem.Copy32(p, b)
	case len(b) >= 8:
		mem.Copy16(p, b)
	default:
		mem.Copy8(p, b)
	}
	w.number++
	line.frames.StoreRelease(w.number)
	w.grow.stamp += makeStamp(0, 1, 0, 0)
	w.grow.start.stamp.StoreRelease(w.grow.stamp)
	w.sent += uint64(len(b))
	line.bytes.StoreRelease(w.sent)
	w.line.claim.StoreRelease(0)
	if t+1 != w.grow.end {
		w.grow.next = t + 1
	}
	if t%runAhead == 0 {
		return w.growAhead(ctx, b, t)
	}
	if !w.Bell.Silent() || w.Stop.Load() != 0 {
		return w.leave(ctx, b, nil)
	}
	return nil
}

// growAhead is the end of Grow for every eighth frame of a run that grows: then it asks for the lines of the cells to come, and of the next run's first
// descriptor. t is the frame's position.
func (w *Writer) growAhead(ctx context.Context, b []byte, t uint64) error {
	r := w.ring
	mem.AskToStoreCells(&r.single, t+4*runAhead, int(min(runAhead, r.mask+1)))
	if (t+runAhead)&r.growth == 0 {
		mem.AskToStoreMany(&r.slots, &r.single, t+runAhead, 1)
	}
	return w.published(ctx, b)
}

// couldGrow says whether what has stamp st and ends at end may grow, if nothing begins there.
func (r *Ring) couldGrow(st, end uint64) bool { return st&3 == committedRun && end&r.growth != 0 }

// countBefore is how many of the frames of a line lie before pos, if its newest or its newest run begins at last, before pos, and it has counted so many: some of
// these may have made that run longer, to beyond pos.
func (r *Ring) countBefore(pos, last, count uint64) uint64 {
	if pos&r.growth == 0 || last < pos&^r.growth || r.finished(pos) {
		return count
	}
	number := r.at(last).number.Get()
	var fence mem.Fence
	fence.LoadLoad()
	if r.control.head.Load()&positionMask > last {
		return count // all of the run lies before the head; and the descriptor may be another's
	}
	return min(count, number+pos-last)
}

// grown is how many slots the run covers that the reader has come to the end of, if it has grown since; 0: it has not.
func (r *Reader) grown() uint64 {
	u, g := &r.run, r.ring
	if !r.atEdge() {
		return 0
	}
	st := g.at(u.start).stamp.Load()
	span, ok := resolved(st, u.start, g.mask)
	if !ok || st&3 != committedRun || u.start+span <= r.pos {
		return 0
	}
	return span
}

// atEdge says whether the reader has come to the end of a run that could grow.
func (r *Reader) atEdge() bool {
	return r.run.end == r.pos && r.pos&r.ring.growth != 0 && r.run.start != r.pos
}

// edge is the word that changes, and its value until then, when the run grows that the reader has come to the end of; if there is none, it is the stamp of d, so that
// nothing more is looked at. A change of any kind is worth a look.
func (r *Reader) edge(d *slot) (word *mem.Word, value uint64) {
	if !r.atEdge() {
		return &d.stamp, d.stamp.Load()
	}
	start := r.run.start
	return &r.ring.at(start).stamp, makeStamp(start, r.pos-start, r.ring.mask, committedRun)
}

// AtEdge says whether the reader has come to the end of what there is of a run that may be growing, as far as the next slot tells.
func (r *Reader) AtEdge() bool { return r.atEdge() && !r.ring.finished(r.pos) }

// toLast moves the reader to the last frame of the run that it is in, or has come to the end of, as that is now.
func (r *Reader) toLast() {
	p := r.pos
	if r.run.has(p) {
		r.pos = r.run.end
	}
	if span := r.grown(); span != 0 {
		var f Frame
		r.describePart(&f, r.run.start, span)
		r.pos = r.run.end
	}
	if r.pos != p {
		r.pos--
	}
}
