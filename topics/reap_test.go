package topics

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

const (
	self   = 100 // the reaper
	living = 1
	dying  = 2
	spare  = 3
)

// mortal is a ring in which owners can be declared dead. The ring's own participant is self.
func mortal(t *testing.T, g Geometry) (r *Ring, kill func(owner uint64)) {
	t.Helper()
	r = heapRing(t, g)
	dead := make(map[uint64]bool)
	r.Alive = func(o uint64) bool { return !dead[o] }
	r.Self = self
	return r, func(o uint64) { dead[o] = true }
}

// announce does the first half of take: it says which claim is about to be taken.
func announce(w *Writer, n int) (t, k uint64) {
	r := w.ring
	t = r.control.tail.Load()
	k = r.span(n)
	if pad := r.mask + 1 - t&r.mask; pad < k {
		k += pad
	}
	w.line.length.StoreRelease(k)
	w.line.claim.StoreRelease(t + 1)
	return t, k
}

// next is what a gate reads next, as text; "" when nothing is there.
func next(t *testing.T, rd *Reader) string {
	t.Helper()
	var f Frame
	b, err := rd.Borrow(&f)
	if errors.Is(err, ErrEmpty) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	rd.Store(rd.Position())
	return s
}

func wantNext(t *testing.T, rd *Reader, want string) {
	t.Helper()
	if got := next(t, rd); got != want {
		t.Fatalf("read %q, want %q", got, want)
	}
}

// stages are the points between which a writer's stores lie: it dies after one of them.
var stages = []struct {
	name string
	die  func(t *testing.T, w *Writer)
	read string // what readers get of it
}{
	{"before anything", func(*testing.T, *Writer) {}, ""},
	{"announced", func(_ *testing.T, w *Writer) { announce(w, 100) }, ""},
	{"taken", func(t *testing.T, w *Writer) { mustClaim(t, w, 100) }, ""},
	{"pad stamped", func(t *testing.T, w *Writer) {
		mustClaim(t, w, 100)
		w.stampPad(w.pos, w.pad)
	}, ""},
	{"described", func(t *testing.T, w *Writer) {
		mustClaim(t, w, 100)
		w.stampPad(w.pos, w.pad)
		describeOnly(w, 4, KindRaw, 0)
	}, ""},
	{"stamped", func(t *testing.T, w *Writer) {
		mustClaim(t, w, 100)
		w.stampPad(w.pos, w.pad)
		copy(w.Payload(4), "last")
		describeOnly(w, 4, KindRaw, 0)
		w.ring.at(w.pos).stamp.Store(makeStamp(w.pos, w.claimed, w.ring.mask, committed))
	}, "last"},
}

// TestADeadWriterHoldsNobodyUp lets a writer die at each stage, with and without padding, and wants others to go on, nothing to be read
// twice or lost, and the line to be used again with numbers running on.
func TestADeadWriterHoldsNobodyUp(t *testing.T) {
	for _, stage := range stages {
		for before := range 8 { // frames before it: with 7 the claim needs padding
			t.Run(fmt.Sprintf("%s/%d", stage.name, before), func(t *testing.T) {
				r, kill := mortal(t, Geometry{Slots: 8, Policy: PolicyLossless, Publishers: 2})
				w := mustWriter(t, r, living)
				d := mustWriter(t, r, dying)
				rd := mustReader(t, r, Gate, Oldest(), spare)
				for i := range before {
					mustSend(t, w, fmt.Sprint("a", i))
					wantNext(t, rd, fmt.Sprint("a", i))
				}
				stage.die(t, d)
				mustSend(t, w, "after")
				if stage.read != "" {
					wantNext(t, rd, stage.read)
				}
				if got := next(t, rd); got == "" {
					if r.Recover(rd.Position()) {
						t.Fatal("a living writer was reaped")
					}
					kill(dying)
					if !r.Recover(rd.Position()) {
						t.Fatal("nothing was recovered")
					}
					wantNext(t, rd, "after")
				} else if got != "after" {
					t.Fatalf("read %q, want %q", got, "after")
				}
				kill(dying)
				r.ReapWriters()
				if len(r.Writers()) != 1 {
					t.Fatalf("the dead writer's line is still taken: %+v", r.Writers())
				}
				frames := r.writers[d.index].frames.Load()
				w2 := mustWriter(t, r, spare)
				if w2.index != d.index || w2.number != frames {
					t.Fatalf("line %d from number %d, want line %d from %d", w2.index, w2.number, d.index, frames)
				}
				for i := range 20 {
					mustSend(t, w2, fmt.Sprint("b", i))
					wantNext(t, rd, fmt.Sprint("b", i))
				}
			})
		}
	}
}

// TestAnOldAnnouncementOfTheDeadHarmsNobody: a writer announces a position, another takes it, laps go by, and only then is the first
// one found dead. What lies in the slot now must stay.
func TestAnOldAnnouncementOfTheDeadHarmsNobody(t *testing.T) {
	for laps := range 4 {
		r, kill := mortal(t, Geometry{Slots: 4, Publishers: 2})
		w, d := mustWriter(t, r, living), mustWriter(t, r, dying)
		announce(d, 100) // two slots from position 0
		for i := range 4*laps + 2 {
			mustSend(t, w, fmt.Sprint(i))
		}
		kill(dying)
		before := stamps(r)
		if r.ReapWriters() != 1 {
			t.Fatal("the dead writer was not reaped")
		}
		if after := stamps(r); after != before {
			t.Fatalf("after %d laps reaping changed stamps: %x, then %x", laps, before, after)
		}
	}
}

func stamps(r *Ring) (all [4]uint64) {
	for i := range all {
		all[i] = r.at(uint64(i)).stamp.Load()
	}
	return all
}

// TestRecoverOfAPassedPositionHarmsNobody: a lossy reader asks about a position that the head has passed meanwhile.
func TestRecoverOfAPassedPositionHarmsNobody(t *testing.T) {
	r, _ := mortal(t, Geometry{Slots: 4, Publishers: 2})
	w := mustWriter(t, r, living)
	for i := range 6 {
		mustSend(t, w, fmt.Sprint(i))
	}
	before := stamps(r)
	for pos := range uint64(8) {
		if r.Recover(pos) {
			t.Fatalf("recovered something at %d", pos)
		}
	}
	if after := stamps(r); after != before {
		t.Fatalf("stamps changed: %x, then %x", before, after)
	}
}

// TestTheDeadAndTheLivingAnnounceTheSamePosition: two dead writers and a living one announce one position; the living one takes it.
func TestTheDeadAndTheLivingAnnounceTheSamePosition(t *testing.T) {
	for _, lengths := range [][3]int{{1, 1, 1}, {300, 1, 100}, {1, 300, 100}, {100, 100, 300}, {300, 300, 1}} {
		r, kill := mortal(t, Geometry{Slots: 16, Policy: PolicyLossless, Publishers: 3})
		d1, d2, w := mustWriter(t, r, dying), mustWriter(t, r, spare), mustWriter(t, r, living)
		rd := mustReader(t, r, Gate, Oldest(), living)
		announce(d1, lengths[0])
		announce(d2, lengths[1])
		mustClaim(t, w, lengths[2])
		kill(dying)
		kill(spare)
		r.Recover(rd.Position())
		if st := r.at(0).stamp.Load(); st != 0 {
			t.Fatalf("lengths %v: a living writer's claim was stamped %#x", lengths, st)
		}
		copy(w.Payload(1), "x")
		w.Commit(1, KindRaw, 0)
		wantNext(t, rd, "x")
		mustSend(t, w, "y")
		wantNext(t, rd, "y")
		if n := len(r.Writers()); n != 1 {
			t.Fatalf("lengths %v: %d lines are taken, want 1", lengths, n)
		}
	}
}

// TestReapingWaitsForALivingAnnouncement: a dead writer has taken what a living one has announced too and, stopped, has not withdrawn.
// Only the living one's slots wait, and only until it goes on.
func TestReapingWaitsForALivingAnnouncement(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 16, Policy: PolicyLossless, Publishers: 3})
	w, d := mustWriter(t, r, living), mustWriter(t, r, dying)
	rd := mustReader(t, r, Gate, Oldest(), living)
	announce(w, 100)
	mustClaim(t, d, 300)
	kill(dying)
	r.Recover(0)
	if _, ok := resolved(r.at(0).stamp.Load(), 0, r.mask); ok {
		t.Fatal("a slot that a living writer had announced was aborted")
	}
	if _, ok := resolved(r.at(4).stamp.Load(), 4, r.mask); !ok {
		t.Fatal("a slot behind the living writer's announcement was not aborted")
	}
	w.line.claim.StoreRelease(0) // its CAS on the tail has failed
	if !r.Recover(rd.Position()) {
		t.Fatal("nothing was recovered after the living writer withdrew")
	}
	mustSend(t, w, "on")
	wantNext(t, rd, "on")
}

// TestADeadClaimOfManySlotsIsOnePass reaps a claim of half a large ring in one call and in little time.
func TestADeadClaimOfManySlotsIsOnePass(t *testing.T) {
	const n = 1 << 16
	r, kill := mortal(t, Geometry{Slots: n, Policy: PolicyLossless, Publishers: 64})
	w, d := mustWriter(t, r, living), mustWriter(t, r, dying)
	rd := mustReader(t, r, Gate, Oldest(), living)
	mustClaim(t, d, n/2*64)
	mustSend(t, w, "after")
	kill(dying)
	start := time.Now()
	if !r.Recover(0) {
		t.Fatal("nothing was recovered")
	}
	took := time.Since(start)
	for p := range uint64(n / 2) {
		if span, ok := resolved(r.at(p).stamp.Load(), p, r.mask); !ok || span != 1 {
			t.Fatalf("slot %d was not aborted in the first pass", p)
		}
	}
	if took > 2*time.Second {
		t.Fatalf("it took %v", took)
	}
	wantNext(t, rd, "after")
}
