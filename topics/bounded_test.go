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

// TestWhoStandsBehindAClaimOfHalfTheRingIsToldSinceWhen, and so is who stands further on: however many they are, and whatever the claim has become.
func TestWhoStandsBehindAClaimOfHalfTheRingIsToldSinceWhen(t *testing.T) {
	for what, state := range map[string]uint64{"open": 0, "aborted slot by slot": aborted} {
		r := heapRing(t, Geometry{Slots: 64, CellSize: 64, Policy: PolicyLossless, Subscriptions: 64})
		w, slow := mustWriter(t, r, 1), mustWriter(t, r, 2)
		mustClaim(t, slow, 32*64)
		for time := int64(7); time <= 8; time++ {
			mustClaim(t, w, 1)
			w.Commit(1, KindRaw, time)
		}
		for p := uint64(0); state != 0 && p < 32; p++ {
			r.at(p).stamp.Store(makeStamp(p, 1, r.mask, state))
		}
		stands := make([]uint64, 40) // most at the claim, one amid it, the last two at the frames behind it
		stands[37], stands[38], stands[39] = 5, 32, 33
		for i, pos := range stands {
			r.gates[i].owner.Store(living)
			r.gates[i].state.Store(pos<<2 | kindGate)
		}
		e := r.Examine()
		if len(e.Behind) != len(stands) || e.Wrong != nil {
			t.Fatalf("%s: %d are behind, %v is wrong", what, len(e.Behind), e.Wrong)
		}
		for i, h := range e.Behind {
			want := int64(7)
			if h.Position == 33 {
				want = 8
			}
			if h.Position != stands[i] || h.Since != want {
				t.Errorf("%s: who stands at %d does since %d, want %d", what, h.Position, h.Since, want)
			}
		}
		if state == 0 && (len(e.Claims) != 1 || e.Claims[0].Since != 7) {
			t.Errorf("claims are %+v", e.Claims)
		}
	}
}

// TestALineThatSaysThatItsLastFrameIsAnothersKeepsNobodyFromTheOldestFrame: it is damaged, and all else is there.
func TestALineThatSaysThatItsLastFrameIsAnothersKeepsNobodyFromTheOldestFrame(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 8, Publishers: 2})
	w, damaged := mustWriter(t, r, 1), mustWriter(t, r, 2)
	for _, payload := range []string{"a", "b", "c"} {
		mustSend(t, w, payload)
	}
	damaged.line.frames.Store(5)
	damaged.line.last.Store(1)
	rd := mustReader(t, r, Tap, Oldest(), 0)
	if got := readAll(t, rd); got != "a b c" || rd.Lost() != 0 {
		t.Errorf("read %q and lost %d", got, rd.Lost())
	}
}

// TestWhoJoinsLooksAtEachClaimOnce, though each slot is one that nobody has finished, and the walk is in vain.
func TestWhoJoinsLooksAtEachClaimOnce(t *testing.T) {
	r := hopeless(t, committed)
	for i := range r.writers {
		r.at(uint64(i)).stamp.Store(0)
		r.writers[i].announce(uint64(i), 1)
	}
	r.writers[1].last.Store(MaxLines + 5) // a frame of line 0
	r.writers[1].frames.Store(3)
	inTime(t, soonEnough, "joining", func() {
		rd, err := r.NewReader(Tap, Oldest(), 0)
		if err != nil {
			t.Error(err)
			return
		}
		if next := rd.loss.next[1]; next != 3 || rd.Position() != 0 {
			t.Errorf("it begins at %d, the line with frame %d", rd.Position(), next)
		}
	})
	if e := r.Examine(); e.Wrong != nil {
		t.Errorf("%v is wrong", e.Wrong)
	}
}

// TestTheClaimThatEndsFirstIsTheOneThatWasTaken, as far as it covers the slot.
func TestTheClaimThatEndsFirstIsTheOneThatWasTaken(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 64, Publishers: 8})
	for i, c := range []openClaim{{4, 20}, {4, 6}, {10, 12}, {2, 3}, {6, 30}} {
		r.writers[i].announce(c.start, c.end-c.start)
	}
	claims := r.openClaims()
	for _, c := range []struct {
		pos, end uint64
		held     bool
	}{{0, 0, false}, {2, 3, true}, {3, 0, false}, {4, 6, true}, {5, 6, true}, {6, 20, true}, {10, 12, true}, {12, 20, true}, {20, 30, true}, {30, 0, false}} {
		if end, held := claims.at(c.pos); end != c.end || held != c.held {
			t.Errorf("at %d: %d, %v; want %d, %v", c.pos, end, held, c.end, c.held)
		}
	}
}
