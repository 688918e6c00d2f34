package topics

import (
	"context"

	"shmbus/internal/clock"
	"shmbus/internal/mem"
)

// Growing: a publisher that publishes frame by frame and meets nobody, each of one slot, of the same length and without a time, makes one run of them. It stores the
// stamp of the run's first frame again for each, with a span that is one more, and describes nothing. So a frame costs it, and its readers, one cache line
// instead of two; and what it had to look at for the first frame it need not look at again. A run grows up to the end of its block, and no more once
// anything else has been claimed behind it.
//
// Readers and those who move the head have to know of it. Where a reader has come to the end of a run, and finds nothing in the next slot, it looks
// whether that has grown. The head never comes to lie behind what may still grow. docs/PROTOCOL.md, "Growing", has the argument.

// growing is the run that a writer's next frame may become part of. What changes with each frame follows from the frame's position, so that a frame stores no
// more than it must: the CPU keeps stores until their lines have come from another core, and has room for a hundred.
type growing struct {
	length int    // of its frames; -1: no run grows
	edge   uint64 // the next multiple of linesAtOnce, or the end: the frame before it is for publishEdge
	end    uint64 // where it ends at the latest: the block does, or the room that the writer knows of
	start  *slot  // where it begins
	stamp  uint64 // with a frame at t it is this and t << 2
	number uint64 // and the writer's number this and t
}

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
	took, sole := uint64(now-w.paced), w.control.sole.Load() == w.key
	w.streams = took < frames*growPace && w.ring.growth != 0
	w.takeOrNot(sole && took < frames*takePace)
	w.paced, w.pacedNumber = now, w.number
}

// beginRun says whether the frame of n bytes at t, which is about to be counted and stamped, is to be a run that grows, and prepares for that: its publisher must
// have been alone of late.
func (w *Writer) beginRun(t uint64, n int) bool {
	r := w.ring
	end := min(t|r.growth+1, w.room)
	if t&r.growth == r.growth || t+1 >= end || w.number-w.crossed < growAlone && w.control.sole.Load() != w.key {
		return false
	}
	g := &w.run // field by field: a struct is put together word by word and copied by 16 bytes, and such a load waits until all stores before it have left for the cache
	g.length, g.end, g.edge, g.start = n, end, min(end, (t+1)|(linesAtOnce-1)+1), r.slots.At(t)
	g.stamp, g.number = makeStamp(t, 1, r.mask, committedRun)-t<<2, w.number+1-t
	return true
}

// endRun is for a writer that does anything else than to let its run grow.
func (w *Writer) endRun() {
	if w.run.length < 0 {
		return
	}
	number := w.run.number + w.next - 1
	w.sent += (number - w.number) * uint64(w.run.length)
	w.number, w.run.length = number, -1
	if w.line.owner.Load() == w.owner {
		w.line.bytes.StoreRelease(w.sent & mostBytes) // the next frame adds what it has
		w.closeClaim()
	}
}

// each is how many bytes each frame of the run adds to those of the line by being counted; 0 if no run grows.
func (g *growing) each() uint64 { return uint64(max(g.length, 0)) }

// grew counts and stamps the frame at t, which is in place, as one more of the run. Its bytes are counted with it, see makeBytes, and its claim stays announced
// until the next one is, or the run ends: each store costs.
func (g *growing) grew(line *writerLine, t uint64) {
	line.frames.StoreRelease(g.number + t)
	g.start.stamp.StoreRelease(g.stamp + t<<2)
}

// publishEdge is the rest of Publish, from the look at the key on, for a sole publisher's last frame before an edge: it takes the lines of the cells to come. Where these are as many as
// can be taken at once, it has all of it written out: four calls would take as long as two frames.
//
// Behind a reader that takes lines, too, this CPU has none of the cells to come. So it also asks for some that it will take later, which costs nothing where nobody waits.
func (w *Writer) publishEdge(ctx context.Context, b []byte) error {
	t := w.next
	next := t + 1
	if next%linesAtOnce != 0 || next < w.taken || next+linesAtOnce > w.room {
		return w.publishEdgeOther(ctx, b)
	}
	w.taken = next + linesAtOnce
	w.cells.Take(next, linesAtOnce)
	if next&w.ring.growth == 0 {
		w.ring.slots.At(next).spare.Set(0)
	}
	w.control.tail.StoreRelease(next)
	w.next = next
	if len(b) == mem.Line {
		mem.CopyLine(w.cells.First(t), b)
	} else {
		mem.Copy(w.ring.payload(t, len(b)), b)
	}
	w.run.grew(w.line, t)
	mem.AskToStoreCells(&w.cells, next+2*linesAtOnce, linesAtOnce)
	if w.run.edge = min(w.run.end, next+linesAtOnce); next == w.run.end {
		w.endRun()
	}
	return w.published(ctx, b)
}

// publishEdgeOther is publishEdge with fewer lines to take, or none.
func (w *Writer) publishEdgeOther(ctx context.Context, b []byte) error {
	next := w.next + 1
	if next >= w.taken {
		w.takeBehind(next)
	}
	w.control.tail.StoreRelease(next)
	return w.passEdge(ctx, b)
}

// passEdge is the rest of Publish, from the move of the tail on, for the last frame before an edge. Who has not taken the lines of the cells to come asks for them, and for
// that of the next run's first descriptor.
func (w *Writer) passEdge(ctx context.Context, b []byte) error {
	r, t := w.ring, w.next
	next := t + 1
	w.next = next
	mem.Copy(r.payload(t, len(b)), b)
	w.run.grew(w.line, t)
	if !w.took(t) {
		if next%linesAtOnce == 0 {
			mem.AskToStoreCells(&w.cells, next+4*linesAtOnce, int(min(linesAtOnce, r.mask+1)))
		}
		if (next+linesAtOnce)&r.growth == 0 {
			mem.AskToStoreMany(&r.slots, &w.cells, next+linesAtOnce, 1)
		}
	}
	if w.run.edge = min(w.run.end, next+linesAtOnce); next == w.run.end {
		w.endRun()
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
