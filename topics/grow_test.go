package topics

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// growingWriter is a writer that lets runs grow once it is the sole one, whatever the time, and takes no lines, whatever the CPU.
func growingWriter(t testing.TB, r *Ring, owner uint64) *Writer {
	t.Helper()
	w := mustWriter(t, r, owner)
	quick(w)
	w.streams, w.late, w.length = true, false, 8
	return w
}

// askToBeSole has w ask, as if it had published for long and met nobody.
func askToBeSole(w *Writer) {
	if w.claimed == 0 {
		w.endRun()
		w.crossed = w.number - min(w.number, w.patience)
		w.patience = min(w.patience, w.number)
		_ = w.settle() // held up by another's claim it is not
		w.takeOrNot(w.streams)
	}
}

// growingRing is a ring on which runs grow in blocks of up to 32 slots, and its sole publisher.
func growingRing(t *testing.T, g Geometry) (*Ring, *Writer) {
	t.Helper()
	needFences(t)
	r := heapRing(t, g)
	letGrow(r)
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
		"it has met another":        func(r *Ring, w *Writer) { r.resign(w.id) },
		"a key that is contested":   func(r *Ring, w *Writer) { r.control.sole.Store(w.key | contested) },
		"no more room than for one": func(r *Ring, w *Writer) { w.room = w.next + 1 },
	} {
		r, w := growingRing(t, Geometry{Slots: 1024})
		spoil(r, w)
		putOnes(t, w, 0, 1)
		if st := r.at(0).stamp.Load(); st != makeStamp(0, 1, r.mask, committed) {
			t.Errorf("%s: the first frame has stamp %#x", what, st)
		}
	}
	if r := heapRing(t, Geometry{Slots: leastGrowth / 2, NoTime: true}); r.growth != 0 {
		t.Errorf("runs grow in a ring of %d slots", leastGrowth/2)
	}
	if r := heapRing(t, Geometry{Slots: leastGrowth}); r.growth != 0 {
		t.Error("runs grow where frames have times")
	}
	if r := heapRing(t, Geometry{Slots: leastGrowth, NoTime: true}); r.growth != mostRun-1 {
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
	w.run.start.stamp.StoreRelease(makeStamp(0, 3, r.mask, committedRun))
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

// A reader that joins looks for what covers its position, or ends there, in one look: between two looks a run can grow.
func TestWhoJoinsAtARunThatGrowsMissesNothing(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 1024, Policy: PolicyLossless})
	frames := often(1000000, 4000000)
	inTime(t, limit, "the stream", func() {
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range frames {
				for put(w, alike(i, 1, 8)[0], 0) != nil {
					runtime.Gosched()
				}
			}
		})
		for joined := 0; r.Tail() < uint64(frames); joined++ {
			rd := mustReader(t, r, Gate, []Start{Newest(), Last(0), Last(3)}[joined%3], 1)
			want := -1
			for range 40 {
				got := nextOf(t, rd)
				for got < 0 && (rd.Lag() > 0 || r.Tail() < uint64(frames)) { // it comes, or the test is stuck
					runtime.Gosched()
					got = nextOf(t, rd)
				}
				if got >= 0 && want >= 0 && got != want {
					t.Errorf("frame %d has come where %d should", got, want)
				}
				want = got + 1
			}
			rd.Close()
		}
		wg.Wait()
	})
}

func TestWhoJoinsWhereAPublisherDiedWhileItsRunGrew(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 1024, Publishers: 1})
	r.Self, r.Alive = 7, func(owner uint64) bool { return owner == 7 }
	putOnes(t, w, 0, 3)
	w.line.claim.StoreRelease(4) // it counts a fourth, and dies before the stamp
	r.control.tail.StoreRelease(4)
	w.line.frames.StoreRelease(4)
	if n := r.ReapWriters(); n != 1 {
		t.Fatalf("%d lines reaped", n)
	}
	if got := shape(r); fmt.Sprint(got) != "[-3 1]" {
		t.Fatalf("the slots lie as %v, want a run and a hole", got)
	}
	rd := mustReader(t, r, Tap, AtPosition(3), 1)
	heir := mustWriter(t, r, 7)
	mustSend(t, heir, "the next")
	var f Frame
	if b, err := rd.Copy(&f, nil); err != nil || string(b) != "the next" || rd.Lost() != 0 {
		t.Errorf("%q, %v, and %d lost", b, err, rd.Lost())
	}
}

// One that was taken for dead and is not must not touch the claim of who has its line now.
func TestAGrowingPublisherWhoseLineIsAnothersLeavesItAlone(t *testing.T) {
	r, w := growingRing(t, Geometry{Slots: 1024, Publishers: 1})
	r.Self, r.Alive = 7, func(owner uint64) bool { return owner == 7 }
	putOnes(t, w, 0, 3)
	r.ReapWriters()
	heir := mustWriter(t, r, 7)
	mustClaim(t, heir, 8)
	if err := put(w, alike(3, 1, 8)[0], 0); !errors.Is(err, ErrCorrupt) {
		t.Errorf("published: %v", err)
	}
	if c := heir.line.claim.Load(); c != 4 || r.Tail() != 4 {
		t.Errorf("the heir's claim is %d, the tail %d", c, r.Tail())
	}
}
