package topics

import (
	"context"
	"testing"
)

// TestAWriterStepsAsideOnceAStretch: where another's claim came in between, and that one publishes as fast.
func TestAWriterStepsAsideOnceAStretch(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 256})
	w, other := mustWriter(t, r, 1), mustWriter(t, r, 2)
	quick(w)
	aside := 0
	w.Aside = func() {
		aside++
		if w.line.claim.Load() != 0 || w.Open() {
			t.Error("a claim is announced, or open: others would have to wait for it")
		}
	}
	cross := func() { // what Publish does when its look at the tail was right and its claim is not
		t.Helper()
		mustSend(t, other, "the other's")
		w.line.announce(w.next, 1)
		if w.advance(w.next, 1) {
			t.Fatal("claimed what another has")
		}
		if err := w.publishAgain(context.Background(), []byte("mine")); err != nil {
			t.Fatal(err)
		}
	}
	for range stretch {
		cross()
	}
	if aside != 1 {
		t.Fatalf("stepped aside %d times within a stretch, want once", aside)
	}
	for range stretch {
		mustSend(t, w, "mine")
	}
	if aside != 1 {
		t.Fatal("stepped aside although nobody was in the way")
	}
	cross()
	if aside != 2 {
		t.Fatalf("stepped aside %d times, want once more after a stretch", aside)
	}

	// Who publishes one frame among many of another's does not wait: it is no stream.
	for range stretch {
		mustSend(t, w, "mine")
	}
	for range nearby + 1 {
		mustSend(t, other, "the other's")
	}
	tail := r.control.tail.Load()
	mustSend(t, other, "the other's")
	w.line.announce(tail, 1)
	if err := w.claimAgain(4, tail); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if aside != 2 {
		t.Fatal("stepped aside with one frame among many")
	}
}
