package topics

import (
	"bytes"
	"fmt"
	"testing"
)

// growingWriter is a writer that lets runs grow once it is the sole one, whatever the time.
func growingWriter(t testing.TB, r *Ring, owner uint64) *Writer {
	t.Helper()
	w := mustWriter(t, r, owner)
	quick(w)
	w.streams = true
	return w
}

// askToBeSole has w ask, as if it had published for long and met nobody.
func askToBeSole(w *Writer) {
	if w.claimed == 0 {
		w.crossed = w.number - min(w.number, w.patience)
		w.patience = min(w.patience, w.number)
		_ = w.settle() // held up by another's claim it is not
	}
}

// growingRing is a ring on which runs grow in blocks of up to 32 slots, and its sole publisher.
func growingRing(t *testing.T, g Geometry) (*Ring, *Writer) {
	t.Helper()
	needFences(t)
	r := heapRing(t, g)
	r.growth = r.block() - 1
	w := growingWriter(t, r, 1)
	askToBeSole(w)
	return r, w
}

// putOnes publishes frames [from, from+n) of 8 bytes, one by one.
func putOnes(t testing.TB, w *Writer, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if err := put(w, alike(i, 1, 8)[0], 0); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
}

func TestRunsOfASolePublisherGrow(t *testing.T) {
	for _, c := range []struct {
		slots int
		want  []int
	}{
		{1024, []int{-32, -32, -6}},
		{16, []int{-8, -6}},
		{4, []int{-2, -2}},
		{2, []int{1, 1}},
	} {
		r, w := growingRing(t, Geometry{Slots: c.slots})
		n := 0
		for _, k := range c.want {
			n += max(k, -k)
		}
		putOnes(t, w, 0, n)
		if got := shape(r); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%d slots: %d frames lie as %v, want %v", c.slots, n, got, c.want)
		}
	}
}

func TestWhatEndsARunThatGrows(t *testing.T) {
	for _, c := range []struct {
		what string
		do   func(r *Ring, w *Writer)
	}{
		{"another length", func(_ *Ring, w *Writer) { _ = put(w, []byte("longer than that"), 0) }},
		{"a claim", func(_ *Ring, w *Writer) { mustSend(t, w, "12345678") }},
		{"an aborted claim", func(_ *Ring, w *Writer) { mustClaim(t, w, 8); w.Abort() }},
		{"a batch", func(_ *Ring, w *Writer) { mustBatch(t, w, []byte("12345678")) }},
		{"somebody else's frame", func(r *Ring, _ *Writer) {
			o := mustWriter(t, r, 2)
			mustSend(t, o, "12345678")
			o.Close()
		}},
	} {
		r, w := growingRing(t, Geometry{Slots: 1024})
		putOnes(t, w, 0, 3)
		c.do(r, w)
		putOnes(t, w, 4, 3)
		if got := shape(r); got[0] != -3 || len(got) < 3 {
			t.Errorf("%s: the slots lie as %v, want a run of 3, and then others", c.what, got)
		}
		if r.Tail() != 7 {
			t.Errorf("%s: the tail is %d, want 7", c.what, r.Tail())
		}
	}
}

func TestNoRunGrowsWhereItShouldNot(t *testing.T) {
	for what, spoil := range map[string]func(r *Ring, w *Writer){
		"a small ring":              func(r *Ring, _ *Writer) { r.growth = 0 },
		"not quick":                 func(_ *Ring, w *Writer) { w.streams = false },
		"not the sole publisher":    func(r *Ring, w *Writer) { r.resign(w.id) },
		"a key that is contested":   func(r *Ring, w *Writer) { r.control.sole.Store(w.key | contested) },
		"no barriers for all":       func(_ *Ring, w *Writer) { w.reached = false },
		"no more room than for one": func(r *Ring, w *Writer) { w.room = w.next + 1 },
	} {
		r, w := growingRing(t, Geometry{Slots: 1024})
		spoil(r, w)
		putOnes(t, w, 0, 1)
		if st := r.at(0).stamp.Load(); st != makeStamp(0, 1, r.mask, committed) {
			t.Errorf("%s: the first frame has stamp %#x", what, st)
		}
	}
	if r := heapRing(t, Geometry{Slots: leastGrowth / 2}); r.growth != 0 {
		t.Errorf("runs grow in a ring of %d slots", leastGrowth/2)
	}
	if r := heapRing(t, Geometry{Slots: leastGrowth}); r.growth != mostRun-1 {
		t.Errorf("no run grows in a ring of %d slots", leastGrowth)
	}
}

func TestAReaderAtTheEdgeOfARunSeesItGrow(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 1024, Policy: PolicyLossless, Subscriptions: 4})
	gate := mustReader(t, r, Gate, Newest(), 1)
	tap := mustReader(t, r, Tap, Newest(), 1)
	member := mustMember(t, r, "g", Newest(), 1)
	var late *Reader
	for i := range 40 {
		for _, rd := range []*Reader{gate, tap, member} {
			if rd.Ready() {
				t.Fatalf("frame %d: ready before it is there", i)
			}
		}
		putOnes(t, w, i, 1)
		if late != nil {
			if got := nextOf(t, late); got != i {
				t.Fatalf("who has joined at the edge gets frame %d, want %d", got, i)
			}
			late.Close()
		}
		for _, rd := range []*Reader{gate, tap} {
			if !rd.Ready() || !rd.Glance(0) || !rd.Has(rd.Position()) {
				t.Fatalf("frame %d is there, and is not seen", i)
			}
			if got := nextOf(t, rd); got != i {
				t.Fatalf("frame %d has come where %d should", got, i)
			}
		}
		var f Frame
		if !member.Ready() {
			t.Fatalf("frame %d is there, and a member does not see it", i)
		}
		b, err := member.Take(&f, false)
		if err != nil || !bytes.Equal(b, alike(i, 1, 8)[0]) {
			t.Fatalf("a member gets %q, %v, where frame %d should come", b, err, i)
		}
		member.Ack()
		late = mustReader(t, r, Gate, Newest(), 1)
	}
	if got := shape(r); fmt.Sprint(got) != "[-32 -8]" {
		t.Errorf("40 frames lie as %v", got)
	}
}

func TestTheNewestFrameOfARunThatGrows(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 1024})
	putOnes(t, w, 0, 2)
	rd := mustReader(t, r, Tap, Oldest(), 1)
	for _, n := range []int{0, 1, 2, 20, 5, 40, 1} {
		putOnes(t, w, int(r.Tail()), n)
		tail := int(r.Tail())
		rd.SkipToNewest()
		if got := nextOf(t, rd); got != tail-1 {
			t.Fatalf("frame %d has come, and the newest is %d", got, tail-1)
		}
		if n == 0 {
			rd.SkipToNewest()
			if rd.Ready() {
				t.Fatal("the newest frame has come, and there is another")
			}
		}
		if n == 1 { // who stands within the run, and has not come to its end
			rd = mustReader(t, r, Tap, Last(2), 1)
		}
	}
}

// The head never lies behind a run that may still grow: what it grows by would have no stamp.
func TestTheHeadStaysBeforeARunThatMayGrow(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 8, Publishers: 2})
	other := mustWriter(t, r, 2)
	putOnes(t, w, 0, 2)
	// It has begun another frame, as one that is held up between the claim and the stamp.
	w.line.claim.StoreRelease(3)
	r.control.tail.StoreRelease(3)
	for range 5 {
		mustSend(t, other, "other's")
	}
	wantErr(t, other.Claim(8), ErrHeldBySlot)
	if other.HeldAt() != 2 || other.Ready() {
		t.Errorf("held at %d, ready: %v", other.HeldAt(), other.Ready())
	}
	if head, _ := r.Head(); head != 0 {
		t.Errorf("the head is %d, behind a run that grows", head)
	}
	w.grow.start.stamp.StoreRelease(makeStamp(0, 3, r.mask, committedRun))
	w.line.claim.StoreRelease(0)
	if !other.Ready() {
		t.Error("the run has grown over the slot, and the one who waits for it is not told")
	}
	mustSend(t, other, "other's")
	if head, _ := r.Head(); head != 3 {
		t.Errorf("the head is %d, want 3", head)
	}
}

func TestTheBaseOfWhoJoinsWhileARunGrows(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 1024, Publishers: 2})
	putOnes(t, w, 0, 3)
	count := w.line.frames.Load()
	putOnes(t, w, 3, 4) // they are counted and stamped after somebody has found the tail at 3, and before he looks at the counts
	for pos := uint64(1); pos <= 7; pos++ {
		if got := r.countBefore(pos, w.line.last.Load(), w.line.frames.Load()); got != pos {
			t.Errorf("%d frames lie before %d, want %d", got, pos, pos)
		}
	}
	if got := r.countBefore(3, 0, count); got != 3 {
		t.Errorf("%d frames of %d lie before 3", got, count)
	}
	rd := mustReader(t, r, Tap, Newest(), 1)
	putOnes(t, w, 7, 2000)
	got := 0
	var f Frame
	for _, err := rd.Copy(&f, nil); err == nil; _, err = rd.Copy(&f, nil) {
		got++
	}
	if got+int(rd.Lost()) != 2000 {
		t.Errorf("%d read and %d lost, of 2000", got, rd.Lost())
	}
}
