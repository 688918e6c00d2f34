package topics

import (
	"testing"

	"shmbus/internal/fence/fencetest"
)

// needFences skips where nobody can be the sole publisher of a shared topic, and otherwise waits until this process's writers can.
func needFences(t *testing.T) {
	t.Helper()
	fencetest.Need(t, "publishers of shared topics always CAS the tail")
}

// sendAlone sends so many frames, and says after how many the writer became the sole one; 0: it did not.
func sendAlone(t *testing.T, w *Writer, frames uint64) (after uint64) {
	t.Helper()
	for i := range frames {
		was := w.ring.control.sole.Load() == w.key
		mustSend(t, w, "alone")
		if !was && w.ring.control.sole.Load() == w.key && after == 0 {
			after = i + 1
		}
	}
	return after
}

func TestAWriterThatIsAloneForLongBecomesTheSoleOneUntilAnotherComes(t *testing.T) {
	needFences(t)
	r := heapRing(t, Geometry{Slots: 64})
	w, other := mustWriter(t, r, 1), mustWriter(t, r, 2)
	wait := uint64(firstPatience)
	for range 3 {
		if n := sendAlone(t, w, wait); n != 0 {
			t.Fatalf("the sole publisher after %d frames, want more than %d", n, wait)
		}
		if n := sendAlone(t, w, 64); n == 0 || r.control.sole.Load() != w.key || holder(w.key) != w.ID() {
			t.Fatalf("not the sole publisher after %d frames alone: %#x", wait+64, r.control.sole.Load())
		}
		tail := r.Tail()
		mustSend(t, other, "here I am")
		if s := r.control.sole.Load(); s != 0 || r.Tail() != tail+1 {
			t.Fatalf("another one has published, and the sole publisher's key is %#x, the tail %d", s, r.Tail())
		}
		mustSend(t, w, "so you are")
		wait *= 4 // each time that it was in vain
	}
	sendAlone(t, other, wait+64)
	if r.control.sole.Load() != other.key {
		t.Error("the other one is alone now")
	}
	other.Close()
	if s := r.control.sole.Load(); s != 0 {
		t.Errorf("it has closed, and its key is still there: %#x", s)
	}
}

func TestNobodyBecomesTheSolePublisherBesideAClaimThatMayBeTaken(t *testing.T) {
	needFences(t)
	for what, may := range map[string]bool{"announced only": true, "taken": false} {
		r := heapRing(t, Geometry{Slots: 4 * firstPatience})
		w, other := mustWriter(t, r, 1), mustWriter(t, r, 2)
		if may {
			other.line.announce(2*firstPatience, 1)
		} else {
			mustClaim(t, other, 1)
		}
		for range 2 * firstPatience {
			if _, err := w.Batch([][]byte{[]byte("x")}, KindRaw, 0); err != nil {
				t.Fatal(err)
			}
		}
		if s := r.control.sole.Load(); (s == 0) != may || (w.patience == 4*firstPatience) != may {
			t.Errorf("beside a claim that is %s the sole publisher's key is %#x; the patience %d", what, s, w.patience)
		}
	}
}

// TestWhoComesWaitsForAClaimThatMayBeTaken: the sole publisher has announced it and not stored the tail; its process may be stopped there.
func TestWhoComesWaitsForAClaimThatMayBeTaken(t *testing.T) {
	needFences(t)
	for _, end := range []struct {
		name string
		by   func(r *Ring, w *Writer)
	}{
		{"it is taken", func(r *Ring, w *Writer) {
			if r.control.sole.Load() != w.key|contested {
				t.Errorf("the key is %#x", r.control.sole.Load())
			}
			r.control.tail.Store(r.Tail() + 1)
			w.pos, w.claimed, w.next = r.Tail()-1, 1, r.Tail()
			w.Commit(0, KindRaw, 0)
		}},
		{"it is given up", func(_ *Ring, w *Writer) { w.closeClaim() }},
		{"its publisher dies", func(r *Ring, w *Writer) {
			r.Alive, r.Self = func(o uint64) bool { return o != w.owner }, 2
			if r.ReapWriters() != 1 {
				t.Error("the dead publisher was not reaped")
			}
		}},
	} {
		t.Run(end.name, func(t *testing.T) {
			r := heapRing(t, Geometry{Slots: 64})
			w, other := mustWriter(t, r, 1), mustWriter(t, r, 2)
			sendAlone(t, w, firstPatience+64)
			w.line.announce(w.next, 1)
			for range 2 {
				wantErr(t, other.Claim(1), ErrHeldByClaim)
				if other.Ready() {
					t.Fatal("ready, and nothing has changed")
				}
			}
			if c := r.Examine().Claims; len(c) != 1 || c[0].Owner != 1 || c[0].Position != r.Tail() || c[0].Slots != 1 {
				t.Errorf("of the claim that others wait for an examination says %+v", c)
			}
			end.by(r, w)
			if !other.Ready() {
				t.Fatal("not ready, and the claim is closed")
			}
			mustSend(t, other, "next")
			if s := r.control.sole.Load(); s != 0 {
				t.Errorf("the key is %#x", s)
			}
		})
	}
}

// TestALoanOfTheSolePublisherHoldsNobodyUp: its claim is open, but it is taken.
func TestALoanOfTheSolePublisherHoldsNobodyUp(t *testing.T) {
	needFences(t)
	r := heapRing(t, Geometry{Slots: 64})
	w, other := mustWriter(t, r, 1), mustWriter(t, r, 2)
	sendAlone(t, w, firstPatience+64)
	mustClaim(t, w, 1)
	mustSend(t, other, "beside it")
	w.Commit(0, KindRaw, 0)
	if w.pos+1 != other.pos {
		t.Errorf("the loan is at %d, the other frame at %d", w.pos, other.pos)
	}
}

// TestKeysThatNobodyHasEndWithTheNextClaim: whoever stored them.
func TestKeysThatNobodyHasEndWithTheNextClaim(t *testing.T) {
	for _, key := range []uint64{1, 2, 3, makeKey(7, 1), makeKey(7, 1) | contested, 1<<64 - 1, 1<<64 - 2} {
		r := heapRing(t, Geometry{Slots: 8})
		w := mustWriter(t, r, 1)
		r.control.sole.Store(key)
		mustSend(t, w, "x")
		if s := r.control.sole.Load(); s != 0 {
			t.Errorf("the key %#x became %#x", key, s)
		}
	}
}
