package topics

import (
	"fmt"
	"testing"
)

// Runs grow also where nobody is the sole publisher, one CAS a frame.

func TestRunsGrowByCAS(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 1024, NoTime: true, Publishers: 2})
	w, other := growingWriter(t, r, 1), growingWriter(t, r, 2)
	w.crossed -= growAlone // it has been alone for that long
	putOnes(t, w, 0, 40)
	if got, want := fmt.Sprint(shape(r)), "[-32 -8]"; got != want {
		t.Errorf("40 frames lie as %s, want %s", got, want)
	}
	putOnes(t, other, 40, 1)
	putOnes(t, w, 41, growAlone+4)
	want := []int{-32, -8, 1}
	for range growAlone {
		want = append(want, 1)
	}
	if got, want := fmt.Sprint(shape(r)), fmt.Sprint(append(want, -4)); got != want {
		t.Errorf("another came between: then frames lie as %s, want %s", got, want)
	}
	if r.control.sole.Load() != 0 {
		t.Error("there is a sole publisher")
	}
	rd := mustReader(t, r, Tap, Oldest(), 1)
	next := map[uint64]uint64{w.id: 1, other.id: 1}
	var f Frame
	for _, err := rd.Copy(&f, nil); err == nil; _, err = rd.Copy(&f, nil) {
		if f.Sequence() != next[f.Publisher()] {
			t.Errorf("frame %d of publisher %d comes where %d should", f.Sequence(), f.Publisher(), next[f.Publisher()])
		}
		next[f.Publisher()]++
	}
	if next[w.id] != 40+growAlone+4+1 || next[other.id] != 2 {
		t.Errorf("what is read ends at %v", next)
	}
}

func TestARunGoesOnToGrowWhenTheKeyIsTakenAway(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 1024, Publishers: 2})
	putOnes(t, w, 0, 5)
	if word, _ := r.contest(); word != nil {
		t.Fatal("it has to wait")
	}
	putOnes(t, w, 5, 5)
	if got := fmt.Sprint(shape(r)); got != "[-10]" {
		t.Errorf("the frames lie as %s", got)
	}
	other := growingWriter(t, r, 2)
	putOnes(t, other, 10, 1)
	putOnes(t, w, 11, 1)
	if got := fmt.Sprint(shape(r)); got != "[-10 1 1]" {
		t.Errorf("the frames lie as %s", got)
	}
}

func TestARunThatGrowsByCASEndsWithItsTopic(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 1024, NoTime: true})
	w := growingWriter(t, r, 1)
	w.crossed -= growAlone
	putOnes(t, w, 0, 5)
	r.Remove()
	if err := put(w, []byte("12345678"), 0); err != ErrRemoved {
		t.Errorf("error is %v, want %v", err, ErrRemoved)
	}
	if f, _ := r.Totals(); f != 5 || w.number != 5 || w.run.length >= 0 || !r.Unused() {
		t.Errorf("%d frames, by the writer %d; a run: %v; unused: %v", f, w.number, w.run.length >= 0, r.Unused())
	}
}
