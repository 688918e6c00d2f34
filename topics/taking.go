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

// mostTakenNear is how many bytes a frame has at most for its lines to be taken wherever it comes from. Those of larger frames follow each other when they are written, and are waited for
// together: between near cores it costs the reader more to take them than it spares the publisher, between far ones a fifth (see distance).
const mostTakenNear = 256

// taking is what a reader takes lines through.
type taking struct {
	slots, cells mem.Cells // mapped for writing
	on           bool      // the reader is a gate of a ring whose lines may be taken
	wanted       bool      // something has been read whose lines are worth taking
	able         bool      // they can be taken: slots and cells are there
	began        uint64    // where the gate joined
	owed         uint64    // 1 more than the position of a frame whose lines are still to be taken; 0: there is none
	owedLines    int       // of its payload
	from         distance  // where the frames come from
}

// mayTake says whether gates of the ring may take lines.
func (r *Ring) mayTake() bool {
	return ownsLate && mem.TakesUnchanged && r.areas.Size-r.areas.Stamps <= mostTaken
}

// MayTake says whether TakeThrough would be of use: the reader is a gate that has come once around the ring, something worth taking with it, and cannot take lines yet.
func (r *Reader) MayTake() bool {
	t := &r.taking
	return t.on && t.wanted && !t.able && r.pos-t.began > r.ring.mask
}

// TakeThrough gives a gate the stamps and the cells of its ring, as they lie in the region from Areas.Stamps on, mapped for writing. They must stay mapped as long as the
// reader is used. Where the CPU cannot take lines without a store, nothing comes of it.
func (r *Reader) TakeThrough(b []byte) (err error) {
	t, g := &r.taking, r.ring
	if t.slots, err = mem.NewCells(b[:g.slots.Len()*lineSize], uint(bits.TrailingZeros(lineSize))); err == nil {
		t.cells, err = mem.NewCells(b[g.areas.Cells-g.areas.Stamps:][:len(g.cells)], g.shift)
	}
	t.able = err == nil && t.on
	return err
}

// takeRun takes the lines of n cells of a run from pos on, which must not go round the end.
func (t *taking) takeRun(pos uint64, n, cell int) {
	mem.TakeUnchanged(&t.cells, pos, n*cell/lineSize)
}

// takeFrames is for frames that have been borrowed and not been read yet, of one slot each, or one of any. It must not go round the end.
//
// One alone may be a question, whose publisher looks for the answer: nothing is to stand before the stores of
// that. So its lines are taken when the next one is looked for; those that have one line of payload never, because their publishers take them early enough: BorrowMany does
// not even ask.
func (t *taking) takeFrames(pos uint64, fs []*Frame, cell int) {
	n := len(fs)
	if len(fs[n-1].Payload) > mostTakenNear {
		t.from.see(fs)
	}
	switch {
	case n == 1:
		if lines := t.worth(fs[0]); lines > 1 {
			t.owed, t.owedLines = pos+1, lines
		}
	case cell == lineSize:
		if t.wanted = true; t.able {
			t.takeBoth(pos, n, n)
		}
	default:
		for i, f := range fs {
			if lines := t.worth(f); lines > 0 && t.able {
				t.takeBoth(pos+uint64(i), 1, lines)
			}
		}
	}
}

// worth is how many lines of payload a frame has that are worth taking.
func (t *taking) worth(f *Frame) int {
	if n := len(f.Payload); n <= mostTakenNear || t.from.is {
		t.wanted = true
		return (n + lineSize - 1) / lineSize
	}
	return 0
}

// takeOwed takes lines that were left for later.
func (t *taking) takeOwed() {
	if t.able {
		t.takeBoth(t.owed-1, 1, t.owedLines)
	}
	t.owed = 0
}

// takeBoth takes lines of payload from pos on, and the descriptors of n frames.
func (t *taking) takeBoth(pos uint64, n, lines int) {
	mem.TakeUnchanged(&t.cells, pos, lines)
	mem.TakeUnchanged(&t.slots, pos, n)
}
