package topics

import (
	"math"

	"shmbus/internal/mem"
)

// The lines of frames to come are in the caches of who read the frames before. A writer asks for them early, so that its stores need not wait.
//
// Some CPUs do nothing on such a request where they have the line, too, as they mostly do, having written it: see cpu.OwnsLate. There a store to it waits until the
// line is theirs alone, and all stores wait behind it; and only those to lines that follow each other wait together. So a publisher that
// is in a stream stores to several lines to come, one behind the other, which costs as much as two that come alone: it takes them.
// It may do so where nobody else may claim: between the look at its key and its store of the tail. What it stores there means nothing, as no frame lies there.
//
// Where frames go to and fro there is time for one line while the answer is on its way: a publisher that has met nobody for a while takes the next cell's, without
// storing to it, when its frame is out.

const (
	// ahead is for how many frames to come their lines have been asked for: enough for a line to come from another core. Otherwise each frame's
	// locked instructions wait until both its lines have come from the reader's.
	ahead = 4

	// tryEvery is how often a writer that is not in a stream makes room without taking lines for each time that it does.
	tryEvery = 16

	// never is Writer.taken of who takes no lines.
	never = math.MaxUint64
)

// ownsLate says whether writers of the ring should take lines. Those that are taken at once do not go round its end.
func (r *Ring) ownsLate() bool { return ownsLate && r.mask >= linesAtOnce-1 }

// takeOrNot is for a writer that has looked whether it is in a stream. A stream whose stores wait for each other may be too slow to be told from frames that go to
// and fro. So it is tried now and then what it is when they do not.
func (w *Writer) takeOrNot(streams bool) {
	if w.tries++; streams {
		w.tries = 0
	}
	switch {
	case !w.late || w.tries%tryEvery != 0:
		w.taken = never
	case w.taken == never:
		w.taken = 0
	}
	w.takesNext = w.late && w.taken == never && mem.TakesUnchanged && w.number-w.crossed >= growAlone
}

// takeLines takes the lines from t on, up to a multiple of linesAtOnce or to where there is room: those of the cells, and of so many descriptors. The writer has announced a
// claim, not stored the tail for it, and seen its key.
func (w *Writer) takeLines(t, slots uint64) {
	r := w.ring
	if t >= w.room {
		return
	}
	n := min(linesAtOnce-t%linesAtOnce, w.room-t)
	w.taken = t + n
	w.cells.Take(t, int(n))
	for i := range min(n, slots) {
		r.slots.At(t + i).spare.Set(0)
	}
}

// takeFor takes the lines of the frame at t, which the writer has announced as one of one slot, and of those behind it, if they are its to take.
func (w *Writer) takeFor(t uint64) {
	if w.soleNow() != w.key || w.line.owner.Load() != w.owner {
		w.taken = never
		return
	}
	w.takeLines(t, linesAtOnce)
}

// takeBehind takes the lines from t on, behind a frame of a run that grows. A descriptor is stored only where the next run begins.
func (w *Writer) takeBehind(t uint64) {
	slots := uint64(0)
	if t&w.ring.growth == 0 {
		slots = 1
	}
	w.takeLines(t, slots)
}

// took says whether the lines at t have been taken.
func (w *Writer) took(t uint64) bool { return t < w.taken && w.taken != never }

// expect asks for the first lines of a frame of so many slots that comes a few behind one as long at pos.
func (w *Writer) expect(pos, span uint64) {
	if r := w.ring; !w.took(pos) {
		next := pos + ahead*span
		mem.AskToStore(r.slots.At(next), w.cells.First(next))
	}
}

// expectMany asks for the first lines of several frames of one slot, from two times ahead behind t on: to ask is a call. t must be a multiple of ahead.
func (w *Writer) expectMany(t uint64) {
	if r := w.ring; !w.took(t) {
		mem.AskToStoreMany(&r.slots, &w.cells, t+2*ahead, int(min(ahead, r.mask+1)))
	}
}
