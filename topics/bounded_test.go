package topics

import (
	"testing"
	"time"
)

// hopeless is a ring of many lines that is full of frames that tell nothing: aborted ones, or ones without a time.
func hopeless(t *testing.T, state uint64) *Ring {
	t.Helper()
	r := heapRing(t, Geometry{Slots: 1 << 17, Publishers: MaxLines, Subscriptions: MaxLines, Policy: PolicyLossless})
	for p := range r.mask + 1 {
		r.at(p).stamp.Store(makeStamp(p, 1, r.mask, state))
	}
	r.control.tail.Store(r.mask + 1)
	return r
}

// soonEnough is for what goes round the ring some times, which takes milliseconds, and not once for each line.
const soonEnough = 2 * time.Second

// TestWhoJoinsGoesRoundTheRingOnceForAllLines, whatever these say of where their last frames lie.
func TestWhoJoinsGoesRoundTheRingOnceForAllLines(t *testing.T) {
	for what, last := range map[string]func(r *Ring, line uint64) uint64{
		"above the tail":      func(*Ring, uint64) uint64 { return 1 << 50 },
		"at the tail":         func(r *Ring, _ uint64) uint64 { return r.mask + 1 },
		"each where it died":  func(r *Ring, line uint64) uint64 { return r.mask - line },
		"all at one position": func(r *Ring, _ uint64) uint64 { return r.mask },
	} {
		r := hopeless(t, aborted)
		for i := range r.writers {
			r.writers[i].last.Store(last(r, uint64(i)))
			r.writers[i].frames.Store(uint64(i) + 1)
		}
		inTime(t, soonEnough, what, func() {
			rd, err := r.NewReader(Tap, Oldest(), 0)
			if err != nil {
				t.Error(err)
				return
			}
			for i, next := range rd.loss.next {
				if next != uint64(i)+1 {
					t.Errorf("%s: line %d begins with frame %d", what, i, next)
				}
			}
		})
	}
}

// TestAnExaminationGoesRoundTheRingOnceForAllLines where no frame tells since when they stand.
func TestAnExaminationGoesRoundTheRingOnceForAllLines(t *testing.T) {
	r := hopeless(t, committed)
	for i := range r.gates {
		l := &r.gates[i]
		l.owner.Store(living)
		l.state.Store(uint64(i)<<2 | kindGate)
	}
	inTime(t, soonEnough, "an examination", func() {
		if e := r.Examine(); len(e.Behind) != MaxLines || e.Wrong != nil {
			t.Errorf("%d are behind, %v is wrong", len(e.Behind), e.Wrong)
		}
	})
	r.at(5).time.Set(7)
	if e := r.Examine(); e.Behind[0].Since != 7 || e.Behind[5].Since != 7 || e.Behind[6].Since != 0 {
		t.Errorf("behind are %+v", e.Behind[:7])
	}
}
