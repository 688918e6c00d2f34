package topics

import (
	"errors"
	"fmt"
	"testing"
)

// What a run that grows leaves out: its newest frame's claim stays announced, and its bytes are counted with its frames.

func TestTheClaimOfAFrameThatIsThereIsNone(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 1024, Publishers: 2})
	putOnes(t, w, 0, 5)
	if w.line.claim.Load() != 5 {
		t.Fatalf("the line announces %d", w.line.claim.Load())
	}
	if i := r.Writers()[0]; i.Open || w.Open() {
		t.Errorf("a claim is open: %+v", i)
	}
	if pos, err := r.newest(); pos != 5 || err != nil {
		t.Errorf("who joins at the newest begins at %d, %v", pos, err)
	}
	w.line.announce(5, 1) // it has been taken, and its frame is not there yet
	r.control.tail.Store(6)
	if i := r.Writers()[0]; !i.Open || i.Position != 5 || i.Slots != 1 {
		t.Errorf("no claim is open: %+v", i)
	}
	if pos, err := r.newest(); pos != 5 || err != nil {
		t.Errorf("who joins at the newest begins at %d, %v", pos, err)
	}
}

func TestAClaimThatStaysAnnouncedIsInNobodysWay(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 1024, Publishers: 2})
	putOnes(t, w, 0, 5)
	other := growingWriter(t, r, 2)
	putOnes(t, other, 5, 1)
	askToBeSole(other)
	if r.control.sole.Load() != other.key {
		t.Error("a publisher that has not gone on keeps another from being the sole one")
	}
	putOnes(t, other, 6, 3000) // some times round the ring
	for _, i := range r.Writers() {
		if i.Open {
			t.Errorf("a claim is open: %+v", i)
		}
	}
	other.Close()
	if r.Remove(); !r.Unused() {
		t.Error("the memory is kept")
	}
	if err := put(w, []byte("12345678"), 0); err != ErrRemoved {
		t.Errorf("error is %v, want %v", err, ErrRemoved)
	}
}

func TestAClaimThatStaysAnnouncedBelowADamagedTail(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 1024, Publishers: 2})
	putOnes(t, w, 0, 5)
	r.control.tail.Store(3)
	if err := mustWriter(t, r, 2).Claim(1); !errors.Is(err, ErrCorrupt) {
		t.Errorf("error is %v, want %v", err, ErrCorrupt)
	}
}

func TestARemovedTopicIsUnusedWhereARunGrew(t *testing.T) {
	for _, exclusive := range []bool{false, true} {
		r, w := growingRing(t, Geometry{Slots: 1024, Exclusive: exclusive})
		putOnes(t, w, 0, 5)
		if !r.Remove() || !r.Unused() {
			t.Errorf("exclusive %v: its publisher does nothing, and the memory is kept", exclusive)
		}
	}
}

func TestTheEndOfARunClosesItsClaim(t *testing.T) {
	for what, end := range map[string]func(t *testing.T, w *Writer){
		"another length":  func(t *testing.T, w *Writer) { _ = put(w, []byte("four"), 0) },
		"a claim":         func(t *testing.T, w *Writer) { mustClaim(t, w, 1); w.Commit(1, KindRaw, 0) },
		"a hole":          func(t *testing.T, w *Writer) { mustClaim(t, w, 1); w.Abort() },
		"a large frame":   func(t *testing.T, w *Writer) { _ = put(w, make([]byte, 1000), 0) },
		"one too large":   func(t *testing.T, w *Writer) { _ = put(w, make([]byte, 1<<20), 0) },
		"the block's end": func(t *testing.T, w *Writer) { putOnes(t, w, 5, 27) },
		"a batch":         func(_ *testing.T, w *Writer) { _, _ = w.Batch(alike(0, 3, 8), KindRaw, 0) },
		"Close":           func(_ *testing.T, w *Writer) { w.Close() },
	} {
		_, w := growingRing(t, Geometry{Slots: 1024})
		putOnes(t, w, 0, 5)
		if end(t, w); w.line.claim.Load() != 0 {
			t.Errorf("%s: the line announces %d", what, w.line.claim.Load())
		}
	}
	_, w := growingRing(t, Geometry{Slots: 1024})
	putOnes(t, w, 0, 5)
	if w.endRun(); w.line.claim.Load() != 0 {
		t.Error("a longer claim may be announced, and that of the run's last frame is not closed")
	}
}

func TestBytesAreCountedWithTheFramesOfARun(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 63, 64} {
		r, w := growingRing(t, Geometry{Slots: 1024, Publishers: 2})
		frames, bytes := uint64(0), uint64(0)
		check := func(what string, k, size int) {
			frames, bytes = frames+uint64(k), bytes+uint64(k*size)
			if f, b := r.Totals(); f != frames || b != bytes {
				t.Fatalf("frames of %d bytes, %s: %d bytes in %d frames, want %d in %d", n, what, b, f, bytes, frames)
			}
		}
		send := func(k, size int) {
			w.length = size
			for range k {
				if err := put(w, make([]byte, size), 0); err != nil {
					t.Fatal(err)
				}
				check("sent", 1, size)
			}
		}
		send(70, n)
		send(3, 33)
		mustClaim(t, w, 10)
		w.Commit(10, KindRaw, 0)
		check("claimed", 1, 10)
		send(5, n)
		if _, err := w.Batch(alike(0, 20, 8), KindRaw, 0); err != nil {
			t.Fatal(err)
		}
		check("a batch", 20, 8)
		send(20, n)
		mustSend(t, mustWriter(t, r, 2), "other")
		check("another's", 1, 5)
		send(5, n)
		w.endRun()
		w.count(w.next, 1, 20) // and what is stored behind that is not yet
		if _, b := r.Totals(); b != bytes {
			t.Errorf("frames of %d bytes, amid another: %d bytes, want %d", n, b, bytes)
		}
	}
}

func TestAnHeirToARunThatGrewCountsItsBytes(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 1024})
	putOnes(t, w, 0, 20)
	if w.line.bytes.Load()>>eachShift != 8 {
		t.Fatal("no run grows")
	}
	w.line.owner.Store(0) // as if it had died and been reaped
	w = growingWriter(t, r, 1)
	for range 3 {
		mustClaim(t, w, 100)
		w.Commit(100, KindRaw, 0)
	}
	if f, b := r.Totals(); f != 23 || b != 20*8+300 {
		t.Errorf("%d bytes in %d frames, want %d in 23", b, f, 20*8+300)
	}
}

func TestBytesBeginAgainWhereTheWordIsFull(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 1024})
	w.sent = mostBytes - 100
	putOnes(t, w, 0, 40)
	if _, b := r.Totals(); b != 40*8-101 {
		t.Errorf("%d bytes", b)
	}
	mustClaim(t, w, 1)
	w.Commit(1, KindRaw, 0)
	if _, b := r.Totals(); b != 40*8-100 {
		t.Errorf("%d bytes", b)
	}
}

func TestFramesOfChangingLengthsMakeNoRuns(t *testing.T) {
	for _, c := range []struct {
		lengths []int
		want    []int
	}{
		{[]int{8, 9, 8, 9, 8}, []int{-1, 1, 1, 1, 1}}, // who had published one of 8 bytes before
		{[]int{8, 8, 9, 9, 9, 8, 8, 8}, []int{-2, 1, -2, 1, -2}},
	} {
		r, w := growingRing(t, Geometry{Slots: 1024})
		for _, n := range c.lengths {
			if err := put(w, make([]byte, n), 0); err != nil {
				t.Fatal(err)
			}
		}
		if got := shape(r); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("frames of %v bytes lie as %v, want %v", c.lengths, got, c.want)
		}
	}
}
