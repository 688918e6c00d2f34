package topics

import "testing"

// TestWhoseIdHasNoRoomInAKeyIsNeverTheSolePublisher: 31 bits are for it.
func TestWhoseIdHasNoRoomInAKeyIsNeverTheSolePublisher(t *testing.T) {
	needFences(t)
	const ids = 1 << (63 - grantBits)
	for _, exclusive := range []bool{false, true} {
		for _, before := range []uint64{ids - 2, ids - 1, ids, ids + 6, 5 * ids} {
			r := heapRing(t, Geometry{Slots: 64, Exclusive: exclusive})
			r.control.publishers.Store(before)
			r.control.sole.Store(makeKey(7, 1)) // of one that died
			w := mustWriter(t, r, 1)
			if w.ID() != before+1 {
				t.Fatalf("the id is %d, want %d", w.ID(), before+1)
			}
			sendAlone(t, w, firstPatience+64)
			s := r.control.sole.Load()
			if fits := before+1 < ids; fits && holder(s) != w.ID() || !fits && s != 0 {
				t.Errorf("exclusive %t, id %d: the sole publisher's key is %#x", exclusive, w.ID(), s)
			}
			if n := w.line.frames.Load(); r.Tail() != firstPatience+64 || n != r.Tail() {
				t.Errorf("exclusive %t, id %d: the tail is %d, and %d frames are counted", exclusive, w.ID(), r.Tail(), n)
			}
			w.Close()
			if s := r.control.sole.Load(); s != 0 {
				t.Errorf("exclusive %t, id %d: it has closed, and the key is %#x", exclusive, w.ID(), s)
			}
		}
	}
}

// TestWhoHasAskedAsOftenAsAKeyCanTellAsksNoMore: no key comes twice.
func TestWhoHasAskedAsOftenAsAKeyCanTellAsksNoMore(t *testing.T) {
	needFences(t)
	r := heapRing(t, Geometry{Slots: 64})
	w, other := mustWriter(t, r, 1), mustWriter(t, r, 2)
	w.grants = noGrant - 2
	for left := range 2 {
		w.patience = firstPatience
		if n := sendAlone(t, w, firstPatience+64); (n != 0) != (left == 0) {
			t.Errorf("the sole publisher after %d frames (0: never), having asked so often: %d of %d", n, w.grants, noGrant)
		}
		mustSend(t, other, "here I am")
		mustSend(t, w, "so you are")
		if s := r.control.sole.Load(); s != 0 {
			t.Fatalf("the key is %#x", s)
		}
	}
}
