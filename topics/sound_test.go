package topics

import (
	"strings"
	"testing"
)

// stampsOf3 are stamps for the slot of position 3 of 8 and whether they may stand there before 12 is claimed.
var stampsOf3 = map[uint64]bool{
	0:                             true,
	makeStamp(3, 1, 7, committed): true,
	makeStamp(3, 5, 7, aborted):   true,
	makeStamp(3, 0, 7, committed): false,
	makeStamp(3, 6, 7, committed): false, // crosses the end of the ring
	makeStamp(11, 1, 7, aborted):  false,
	makeStamp(3, 1, 7, 3):         true, // a run that may grow
	makeStamp(3, 6, 7, 3):         false,
	makeStamp(3, 1, 7, 0):         false,
	1:                             false,
	1<<63 | 1:                     false,
}

func TestWhatNobodyStampsIsFoundAndNotAborted(t *testing.T) {
	for stamp, fine := range stampsOf3 {
		if plausible(stamp, 3, 7) != fine || stamp>>5 == 0 && plausible(stamp, 11, 7) != fine {
			t.Errorf("stamp %#x at position 3: plausible is not %v", stamp, fine)
		}
		r := heapRing(t, Geometry{Slots: 8, Policy: PolicyLossless})
		r.Self = living
		w := mustWriter(t, r, living)
		g := mustReader(t, r, Gate, Oldest(), living)
		for range 5 {
			mustSend(t, w, "x")
		}
		r.at(3).stamp.Store(stamp)
		_, resolves := resolved(stamp, 3, 7)
		if err := r.Sound(3); fine != (err == nil) || err != nil && !strings.Contains(err.Error(), "position 3") {
			t.Errorf("stamp %#x: %v", stamp, err)
		}
		changed := r.Recover(3)
		if now := r.at(3).stamp.Load(); changed != (fine && !resolves) || (now != stamp) != changed {
			t.Errorf("stamp %#x becomes %#x", stamp, now)
		}
		for range 3 {
			var f Frame
			if _, err := g.Borrow(&f); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.Sound(); fine != (err == nil) {
			t.Errorf("stamp %#x, the reader that comes to it: %v", stamp, err)
		}
	}
}

func TestAHeadThatHasPassedExplainsAnyStamp(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 8})
	w := mustWriter(t, r, living)
	for range 20 {
		mustSend(t, w, "x")
	}
	if err := r.Sound(3); err != nil {
		t.Errorf("a later frame's stamp: %v", err)
	}
}

func TestAGroupThatNeedsTheLastLineForItselfIsRefused(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 8, Policy: PolicyLossless, Subscriptions: 3})
	r.Self = living
	mustMember(t, r, "g", Oldest(), living)
	for range 3 {
		_, err := r.NewMember("another", Oldest(), living)
		wantErr(t, err, ErrNoLine)
	}
	mustReader(t, r, Gate, Oldest(), living) // and leaves the line as it was
}

func TestAHeadPastAGroupIsAnErrorForItsMembers(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 8, Policy: PolicyLossless})
	w := mustWriter(t, r, living)
	m := mustMember(t, r, "g", Oldest(), living)
	mustSend(t, w, "x")
	r.at(0).stamp.Store(0)
	r.control.head.Add(1)
	if !m.Ready() {
		t.Error("a member goes on waiting")
	}
	var f Frame
	_, err := m.Take(&f, false)
	wantErr(t, err, ErrCorrupt)
}

// TestATailThatHasFallenBackIsAnErrorForWhoOpensThen: a publisher that has claimed nothing yet knows that the tail is not below the head.
func TestATailThatHasFallenBackIsAnErrorForWhoOpensThen(t *testing.T) {
	for _, exclusive := range []bool{false, true} {
		r := heapRing(t, Geometry{Slots: 8, Policy: PolicyLossless, Exclusive: exclusive})
		w := mustWriter(t, r, living)
		for range 20 {
			mustSend(t, w, "x")
		}
		w.Close()
		r.control.tail.Store(0)
		w = mustWriter(t, r, living)
		wantErr(t, put(w, []byte("y"), 0), ErrCorrupt)
		wantErr(t, w.Claim(1), ErrCorrupt)
		if st := r.at(0).stamp.Load(); st != makeStamp(16, 1, 7, committed) {
			t.Errorf("exclusive %v: the frame in the first slot has the stamp %#x now", exclusive, st)
		}
	}
}

// TestAHeadThatHasRunAwayIsAnErrorForWhoOpensThen: the same of a topic on which nothing was published yet.
func TestAHeadThatHasRunAwayIsAnErrorForWhoOpensThen(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 8, Policy: PolicyLossless})
	r.control.head.Store(1 << 40)
	w := mustWriter(t, r, living)
	wantErr(t, put(w, []byte("y"), 0), ErrCorrupt)
	wantErr(t, w.Claim(1), ErrCorrupt)
}

// TestAGateWhoseLineWasWipedIsNotToldOfAKick: nobody has ended it, as a kick leaves the line its own.
func TestAGateWhoseLineWasWipedIsNotToldOfAKick(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 16, Policy: PolicyLossless})
	rd := mustReader(t, r, Gate, Newest(), living)
	wantErr(t, rd.Stuck(), ErrEmpty)
	rd.line.state.Store(0)
	wantErr(t, rd.Stuck(), ErrKicked)
	rd.line.owner.Store(0)
	wantErr(t, rd.Stuck(), ErrCorrupt)
}
