package topics

import (
	"context"
	"testing"
	"time"

	"shmbus/internal/clock"
)

// mustCross is what Publish does when its look at the tail was right and its claim is not: another's came in between.
func mustCross(t *testing.T, w, other *Writer) {
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
	for range stretch {
		mustCross(t, w, other)
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
	mustCross(t, w, other)
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

// TestAFrameHasTheTimeAfterItsWriterStoodAside: that may have taken long.
func TestAFrameHasTheTimeAfterItsWriterStoodAside(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 256})
	w, other, rd := mustWriter(t, r, 1), mustWriter(t, r, 2), mustReader(t, r, Tap, Newest(), 3)
	quick(w)
	w.Clock = new(clock.Clock)
	var after int64
	w.Aside = func() {
		for until := clock.Now(w.Clock) + int64(time.Millisecond); after < until; {
			after = clock.Now(w.Clock)
		}
	}
	w.time = w.now() // as publishTimed does, before another's claim comes in between
	mustCross(t, w, other)
	for _, want := range []string{"the other's", "mine"} {
		var f Frame
		b, err := rd.Copy(&f, nil)
		if err != nil || string(b) != want {
			t.Fatalf("read %q, %v; want %q", b, err, want)
		}
		if want == "mine" && f.Time() < after {
			t.Fatalf("the frame's time is %v before its writer had stood aside", time.Duration(after-f.Time()))
		}
	}
}
