package topics

import (
	"math/bits"

	"shmbus/internal/mem"
)

// A publisher whose CPU asks for a line late (see lines.go) waits for it only where it has the line itself, because it wrote it a lap ago and a reader has only
// read it since. So a lossless reader takes the lines of what it reads: then the publisher has them no more, and when it stores to them again they
// come to it like any that is missing, several at a time. Another reader has to fetch a line once in any case, from whoever has it.
//
// The reader stores nothing. It has stamps and cells mapped once more for that, for writing; what it hands out lies in the mapping that nobody can write to.

// mostTaken is how many bytes a ring's stamps and cells have at most for its readers to take lines: the second mapping is made in the midst of a stream, in a quarter of a microsecond
// a page.
const mostTaken = 32 << 20

// mostTakenCell is how many bytes its cells have at most. The lines of larger frames follow each other when they are written, and are waited for together: between near
// cores it would cost the reader more than it spares the publisher.
const mostTakenCell = 256

// taking is what a reader takes lines through.
type taking struct {
	slots, cells mem.Cells // mapped for writing
	able         bool      // they are there
	owed         uint64    // 1 more than the position of a frame whose lines are still to be taken; 0: there is none
}

// MayTake says whether TakeThrough would be of use: the reader is a gate that has read as much as the ring has room for, and cannot take lines yet.
func (r *Reader) MayTake() bool {
	g := r.ring
	return ownsLate && mem.TakesUnchanged && !r.taking.able && r.kind == kindGate && r.received > g.mask &&
		g.cell <= mostTakenCell && g.areas.Size-g.areas.Stamps <= mostTaken
}

// TakeThrough gives a gate the stamps and the cells of its ring, as they lie in the region from Areas.Stamps on, mapped for writing. They must stay mapped as long as the
// reader is used. Where the CPU cannot take lines without a store, nothing comes of it.
func (r *Reader) TakeThrough(b []byte) (err error) {
	t, g := &r.taking, r.ring
	if t.slots, err = mem.NewCells(b[:g.slots.Len()*lineSize], uint(bits.TrailingZeros(lineSize))); err == nil {
		t.cells, err = mem.NewCells(b[g.areas.Cells-g.areas.Stamps:][:len(g.cells)], g.shift)
	}
	t.able = err == nil && mem.TakesUnchanged
	return err
}

// take takes the lines of n cells from pos on, which must not go round the end.
func (t *taking) take(pos uint64, n int) { mem.TakeUnchanged(&t.cells, pos, n) }

// takeSingle is take for frames of one slot, with their descriptors. One alone may be a question, whose publisher looks for the answer: nothing is to stand before the stores of
// that. So its lines are taken when the next one is looked for; of those that have one line of payload never, because their publishers take them early enough.
func (t *taking) takeSingle(pos uint64, n int, cell int) {
	switch {
	case n > 1:
		t.takeBoth(pos, n)
	case cell > lineSize:
		t.owed = pos + 1
	}
}

// takeOwed takes lines that were left for later.
func (t *taking) takeOwed() {
	t.takeBoth(t.owed-1, 1)
	t.owed = 0
}

func (t *taking) takeBoth(pos uint64, n int) {
	t.take(pos, n)
	mem.TakeUnchanged(&t.slots, pos, n)
}
