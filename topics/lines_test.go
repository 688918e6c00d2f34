package topics

import (
	"encoding/binary"
	"fmt"
	"testing"

	"shmbus/internal/clock"
	"shmbus/internal/mem"
)

// takeLines makes w take lines from now on, as on a CPU that owns late, or not.
func takeLines(w *Writer, on bool) {
	w.late = on && w.ring.mask >= linesAtOnce-1
	w.takeOrNot(true)
}

// untouched is what a cell begins with that nobody has stored to.
const untouched = 0xa5

// touch fills the beginnings of all cells, and says which of them have been stored to since, by their slots.
func touch(r *Ring) (stored func() []int) {
	for i := range r.mask + 1 {
		*r.single.First(i) = untouched
	}
	return func() (slots []int) {
		for i := range r.mask + 1 {
			if *r.single.First(i) != untouched {
				slots = append(slots, int(i))
			}
		}
		return slots
	}
}

// upTo is 0 up to n-1.
func upTo(n int) (s []int) {
	for i := range n {
		s = append(s, i)
	}
	return s
}

// TestLinesAreTakenInAStream: those of the frame's block, once, and of a run that grows those of the next block with the last frame of one.
func TestLinesAreTakenInAStream(t *testing.T) {
	const k = linesAtOnce
	for _, c := range []struct {
		what     string
		grow     bool
		on, sole bool
		publish  func(t *testing.T, w *Writer, i int)
		after    [][2]int // frames published, and cells stored to by then
	}{
		{"frame by frame", false, true, true, putOne, [][2]int{{1, k}, {2, k}, {k, k}, {k + 1, 2 * k}}},
		{"runs that grow", true, true, true, putOne, [][2]int{{1, k}, {k - 1, k}, {k, 2 * k}, {k + 1, 2 * k}, {2*k - 1, 2 * k}, {2 * k, 3 * k}}},
		{"runs of whole lines that grow", true, true, true, putLine, [][2]int{{1, k}, {k - 1, k}, {k, 2 * k}, {k + 1, 2 * k}, {2*k - 1, 2 * k}, {2 * k, 3 * k}}},
		{"claimed and committed", false, true, true, sendOne, [][2]int{{1, k}, {2, k}, {k, k}, {k + 1, 2 * k}}},
		{"no stream", false, false, true, putOne, [][2]int{{1, 1}, {2, 2}, {9, 9}}},
		{"runs that grow, no stream", true, false, true, putOne, [][2]int{{1, 1}, {k, k}, {k + 1, k + 1}}},
		{"not the sole one", false, true, false, putOne, [][2]int{{1, 1}, {2, 2}, {9, 9}}},
	} {
		needFences(t)
		r := heapRing(t, Geometry{Slots: 64, CellSize: 64})
		w := growingWriter(t, r, 1)
		if c.sole {
			askToBeSole(w)
		}
		if c.grow {
			letGrow(r)
		}
		takeLines(w, c.on)
		stored := touch(r)
		for i := range 2 * k {
			c.publish(t, w, i)
			for _, a := range c.after {
				if a[0] == i+1 && fmt.Sprint(stored()) != fmt.Sprint(upTo(a[1])) {
					t.Errorf("%s: after %d frames the cells %v have been stored to, want the first %d", c.what, i+1, stored(), a[1])
				}
			}
		}
	}
}

func putOne(t *testing.T, w *Writer, i int) { putOnes(t, w, i, 1) }

// putLine is putOne with a frame of a line, for which more is written out.
func putLine(t *testing.T, w *Writer, i int) {
	t.Helper()
	if err := put(w, alike(i, 1, mem.Line)[0], 0); err != nil {
		t.Fatalf("frame %d: %v", i, err)
	}
}

func sendOne(t *testing.T, w *Writer, i int) { mustSend(t, w, string(alike(i, 1, 8)[0])) }

// TestNoLineIsTakenThatIsRead: a gate holds frames, and the writer comes up to them.
func TestNoLineIsTakenThatIsRead(t *testing.T) {
	for _, size := range []int{8, 24, 40, mem.Line} {
		for _, grow := range []bool{false, true} {
			needFences(t)
			r := heapRing(t, Geometry{Slots: 64, CellSize: 64, Policy: PolicyLossless})
			gate := mustReader(t, r, Gate, Newest(), 2)
			w := growingWriter(t, r, 1)
			askToBeSole(w)
			if grow {
				letGrow(r)
			}
			takeLines(w, true)
			for i := range 1000 {
				for {
					err := put(w, numbered(i, size), 0)
					if err == nil {
						break
					}
					wantErr(t, err, ErrHeldByGate)
					for range 1 + i%7 {
						mustBorrow(t, gate, int(gate.pos), size)
					}
					gate.Store(gate.pos)
				}
			}
		}
	}
}

// numbered is a frame of words that are all different.
func numbered(i, size int) (b []byte) {
	for k := range size / 8 {
		b = binary.LittleEndian.AppendUint64(b, uint64(i<<8|k))
	}
	return b
}

// mustBorrow reads a frame, which must be the one with that index.
func mustBorrow(t *testing.T, r *Reader, i, size int) {
	t.Helper()
	var f Frame
	if _, err := r.BorrowMany([]*Frame{&f}, 0); err != nil {
		t.Fatalf("frame %d: %v", i, err)
	}
	if want := string(numbered(i, size)); string(f.Payload) != want {
		t.Fatalf("frame %d is %x, want %x", i, f.Payload, want)
	}
}

// TestASmallRingTakesNoLines: they would go round its end.
func TestASmallRingTakesNoLines(t *testing.T) {
	for slots := 2; slots < linesAtOnce; slots *= 2 {
		if r := heapRing(t, Geometry{Slots: slots}); r.ownsLate() {
			t.Errorf("%d slots", slots)
		}
	}
}

// TestLinesAreTakenNowAndThenToSee: a writer that is in no stream tries whether it is in one if it takes them.
func TestLinesAreTakenNowAndThenToSee(t *testing.T) {
	w := growingWriter(t, heapRing(t, Geometry{Slots: 64}), 1)
	w.late = true
	for _, streams := range []bool{false, true, true} {
		w.takeOrNot(streams)
		if (w.taken != never) != streams {
			t.Fatalf("in a stream: %v; lines are taken up to %d", streams, w.taken)
		}
	}
	tries := 0
	for range 4 * tryEvery {
		if w.takeOrNot(false); w.taken != never {
			tries++
		}
	}
	if tries != 4 {
		t.Errorf("of %d times in no stream lines were taken %d times, want 4", 4*tryEvery, tries)
	}
}

// TestLinesAreTakenAsFarAsThereIsRoom: of the cells and of so many descriptors, and none where t makes no sense.
func TestLinesAreTakenAsFarAsThereIsRoom(t *testing.T) {
	const mark, k = 77, linesAtOnce
	for _, c := range []struct {
		t, room, slots uint64
		cells          int
		spare          int
	}{
		{0, 64, k, k, k},
		{k, 64, 1, k, 1},
		{k, 64, 0, k, 0},
		{3, 64, k, k - 3, k - 3},
		{k, k + 5, k, 5, 5},
		{k, k + 1, 1, 1, 1},
		{k, k, k, 0, 0},
		{k + 5, k, k, 0, 0},
		{1 << 53, 64, k, 0, 0},
		{1<<64 - 100, 64, k, 0, 0},
	} {
		r := heapRing(t, Geometry{Slots: 64, CellSize: 64})
		w := growingWriter(t, r, 1)
		takeLines(w, true)
		w.room = c.room
		for i := range r.mask + 1 {
			r.slots.At(i).spare = mem.PlainOf(mark)
		}
		stored := touch(r)
		w.takeLines(c.t, c.slots)
		var spare []int
		for i := range r.mask + 1 {
			if r.slots.At(i).spare.Get() != mark {
				spare = append(spare, int(i))
			}
		}
		var cells []int
		for i := range c.cells {
			cells = append(cells, int(c.t)+i)
		}
		if fmt.Sprint(stored()) != fmt.Sprint(cells) || fmt.Sprint(spare) != fmt.Sprint(cells[:c.spare]) {
			t.Errorf("from %d with room up to %d: the lines of the cells %v and the descriptors %v, want %v and the first %d of these", c.t, c.room, stored(), spare, cells, c.spare)
		}
	}
}

// TestBatchesAndLongFramesTakeNoLines: they follow each other anyway.
func TestBatchesAndLongFramesTakeNoLines(t *testing.T) {
	needFences(t)
	r := heapRing(t, Geometry{Slots: 64, CellSize: 64})
	w := growingWriter(t, r, 1)
	askToBeSole(w)
	takeLines(w, true)
	stored := touch(r)
	mustBatch(t, w, alike(0, linesAtOnce-4, 8)...)
	mustSend(t, w, string(make([]byte, 3*64)))
	if n := fmt.Sprint(stored()); n != fmt.Sprint(upTo(linesAtOnce-1)) || w.taken != 0 {
		t.Errorf("the cells %v have been stored to", n)
	}
	putOne(t, w, linesAtOnce-1)
	if !w.took(linesAtOnce-1) || w.took(linesAtOnce) {
		t.Errorf("the frame behind them has taken lines up to %d, want %d", w.taken, linesAtOnce)
	}
}

// TestAnExclusivePublisherTakesLinesWithoutFences: nobody asks it for its key.
func TestAnExclusivePublisherTakesLinesWithoutFences(t *testing.T) {
	w := growingWriter(t, heapRing(t, Geometry{Slots: 64, Exclusive: true}), 1)
	takeLines(w, true)
	w.reached = false
	if putOne(t, w, 0); w.taken != linesAtOnce {
		t.Errorf("lines have been taken up to %d", w.taken)
	}
}

// TestAQuickPublisherTakesLinesAlsoWithTimes: runs do not grow there.
func TestAQuickPublisherTakesLinesAlsoWithTimes(t *testing.T) {
	for _, noTime := range []bool{false, true} {
		w := growingWriter(t, heapRing(t, Geometry{Slots: 1024, Exclusive: true, NoTime: noTime}), 1)
		w.Watch, w.late, w.streams = new(clock.Clock), true, false
		w.takeOrNot(false)
		w.paced = clock.Now(w.Watch)
		w.number += 1 << 40 // in no time
		w.pace()
		if w.taken != 0 || w.streams != noTime {
			t.Errorf("no time: %v; lines are taken up to %d, and runs grow: %v", noTime, w.taken, w.streams)
		}
	}
}

// TestWhoHasLostItsLineTakesNone: it may have been taken for dead while it was stopped.
func TestWhoHasLostItsLineTakesNone(t *testing.T) {
	w := growingWriter(t, heapRing(t, Geometry{Slots: 64, Exclusive: true}), 1)
	takeLines(w, true)
	stored := touch(w.ring)
	w.line.owner.Store(3)
	if w.takeFor(0); w.taken != never || len(stored()) != 0 {
		t.Errorf("lines have been taken up to %d", w.taken)
	}
}

// TestWhoIsInNoStreamTakesTheNextLine, unless it has just met somebody.
func TestWhoIsInNoStreamTakesTheNextLine(t *testing.T) {
	w := mustWriter(t, heapRing(t, Geometry{Slots: 64, CellSize: 64, Policy: PolicyLossless}), 1)
	for _, c := range []struct{ late, streams, alone, want bool }{
		{true, false, true, true}, {true, true, true, false}, {false, false, true, false}, {true, false, false, growAlone == 0},
	} {
		w.late, w.taken, w.tries, w.crossed, w.number = c.late, never, 0, 100, 100
		if c.alone {
			w.number += growAlone
		}
		if w.takeOrNot(c.streams); w.takesNext != (c.want && mem.TakesUnchanged) {
			t.Errorf("%+v: it takes the next line: %v", c, w.takesNext)
		}
	}
	w.takesNext = mem.TakesUnchanged
	rd := mustReader(t, w.ring, Gate, First(), 2)
	for i := range 200 {
		var f Frame
		if err := put(w, []byte{byte(i)}, 0); err != nil {
			t.Fatal(err)
		}
		b, err := rd.Borrow(&f)
		if err != nil || len(b) != 1 || b[0] != byte(i) {
			t.Fatalf("frame %d is %v, %v", i, b, err)
		}
		rd.Store(rd.Position())
	}
}
