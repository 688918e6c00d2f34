package topics

import (
	"fmt"
	"testing"
)

// takeLines makes w take lines from now on, as on a CPU that owns late, or not.
func takeLines(w *Writer, on bool) {
	w.late = on && w.ring.mask >= takenAtOnce-1
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
	for _, c := range []struct {
		what     string
		grow     bool
		on, sole bool
		publish  func(t *testing.T, w *Writer, i int)
		after    map[int]int // frames published: cells stored to
	}{
		{"frame by frame", false, true, true, putOne, map[int]int{1: 8, 2: 8, 8: 8, 9: 16}},
		{"runs that grow", true, true, true, putOne, map[int]int{1: 8, 7: 8, 8: 16, 9: 16, 15: 16, 16: 24}},
		{"claimed and committed", false, true, true, sendOne, map[int]int{1: 8, 2: 8, 8: 8, 9: 16}},
		{"no stream", false, false, true, putOne, map[int]int{1: 1, 2: 2, 9: 9}},
		{"not the sole one", false, true, false, putOne, map[int]int{1: 1, 2: 2, 9: 9}},
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
		for i := range 16 {
			c.publish(t, w, i)
			if n, ok := c.after[i+1]; ok && fmt.Sprint(stored()) != fmt.Sprint(upTo(n)) {
				t.Errorf("%s: after %d frames the cells %v have been stored to, want the first %d", c.what, i+1, stored(), n)
			}
		}
	}
}

func putOne(t *testing.T, w *Writer, i int) { putOnes(t, w, i, 1) }

func sendOne(t *testing.T, w *Writer, i int) { mustSend(t, w, string(alike(i, 1, 8)[0])) }

// TestNoLineIsTakenThatIsRead: a gate holds frames, and the writer comes up to them.
func TestNoLineIsTakenThatIsRead(t *testing.T) {
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
				err := put(w, alike(i, 1, 8)[0], 0)
				if err == nil {
					break
				}
				wantErr(t, err, ErrHeldByGate)
				for range 1 + i%7 {
					mustBorrow(t, gate, int(gate.pos))
				}
				gate.Store(gate.pos)
			}
		}
	}
}

// mustBorrow reads a frame of putOnes, which must be the one with that index.
func mustBorrow(t *testing.T, r *Reader, i int) {
	t.Helper()
	var f Frame
	if _, err := r.BorrowMany([]*Frame{&f}, 0); err != nil {
		t.Fatalf("frame %d: %v", i, err)
	}
	if want := string(alike(i, 1, 8)[0]); string(f.Payload) != want {
		t.Fatalf("frame %d is %x, want %x", i, f.Payload, want)
	}
}

// TestASmallRingTakesNoLines: they would go round its end.
func TestASmallRingTakesNoLines(t *testing.T) {
	for slots := 2; slots < takenAtOnce; slots *= 2 {
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
