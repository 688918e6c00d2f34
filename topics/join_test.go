package topics

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// readAll is what a reader of any mode reads until nothing is there.
func readAll(t *testing.T, rd *Reader) string {
	t.Helper()
	var all []string
	var f Frame
	var buf []byte
	for {
		var err error
		buf, err = rd.get(&f, buf)
		if errors.Is(err, ErrEmpty) {
			rd.Store(rd.Position())
			return strings.Join(all, " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(buf))
	}
}

func TestEachStartBeginsWhereItSays(t *testing.T) {
	for _, mode := range []Mode{Tap, Lossy, Gate} {
		for _, c := range []struct {
			start Start
			want  string
			lost  uint64
		}{
			{Newest(), "", 0},
			{Oldest(), "2 3 4 5", 0},
			{Last(0), "", 0},
			{Last(-1), "", 0},
			{Last(1), "5", 0},
			{Last(3), "3 4 5", 0},
			{Last(99), "2 3 4 5", 0},
			{AtPosition(0), "2 3 4 5", 0},
			{AtPosition(4), "4 5", 0},
			{AtPosition(6), "", 0},
			{First(), "2 3 4 5", 2},
		} {
			r := heapRing(t, Geometry{Slots: 4, Policy: PolicyLossless})
			w := mustWriter(t, r, 1)
			for i := range 6 {
				mustSend(t, w, fmt.Sprint(i))
			}
			rd := mustReader(t, r, mode, c.start, 1)
			if got := readAll(t, rd); got != c.want {
				t.Fatalf("mode %d, start %+v: read %q, want %q", mode, c.start, got, c.want)
			}
			lost, by := rd.Lost(), uint64(0)
			rd.CountedBy(func(publisher, n uint64) {
				if publisher != w.ID() {
					t.Fatalf("mode %d, start %+v: lost %d frames of publisher %d", mode, c.start, n, publisher)
				}
				by += n
			})
			if lost != c.lost || by != c.lost {
				t.Fatalf("mode %d, start %+v: lost %d, want %d", mode, c.start, lost, c.lost)
			}
			mustSend(t, w, "new")
			if got := readAll(t, rd); got != "new" {
				t.Fatalf("mode %d, start %+v: then read %q", mode, c.start, got)
			}
		}
	}
}

// TestWhatIsCommittedAfterJoiningIsReadOrCounted: claims that are open while a reader joins at the newest frame, in every order and
// number, are read when they are committed, by all modes, and count as lost when they are overwritten.
func TestWhatIsCommittedAfterJoiningIsReadOrCounted(t *testing.T) {
	for _, mode := range []Mode{Tap, Lossy, Gate} {
		for _, lap := range []bool{false, true} {
			r := heapRing(t, Geometry{Slots: 8, Policy: PolicyLossless})
			a, b, c := mustWriter(t, r, 1), mustWriter(t, r, 1), mustWriter(t, r, 1)
			mustSend(t, a, "old")
			mustClaim(t, a, 1)
			mustClaim(t, b, 1)
			rd := mustReader(t, r, mode, Newest(), 1)
			copy(b.Payload(1), "b")
			b.Commit(1, KindRaw, 0)
			copy(a.Payload(1), "a")
			a.Commit(1, KindRaw, 0)
			mustSend(t, c, "c")
			if lap && mode != Gate {
				for range 8 {
					mustSend(t, c, "C")
				}
				if got := readAll(t, rd); got != "C C C C C C C C" || rd.Lost() != 3 {
					t.Fatalf("mode %d: read %q and lost %d, want 8 and 3", mode, got, rd.Lost())
				}
				by := make(map[uint64]uint64)
				rd.Lost()
				rd.CountedBy(func(p, n uint64) { by[p] = n })
				if by[a.ID()] != 1 || by[b.ID()] != 1 || by[c.ID()] != 1 {
					t.Fatalf("mode %d: lost by publisher %v", mode, by)
				}
				continue
			}
			if got := readAll(t, rd); got != "a b c" || rd.Lost() != 0 {
				t.Fatalf("mode %d: read %q and lost %d", mode, got, rd.Lost())
			}
		}
	}
}

// TestJoiningBesideAHalfFinishedCommit: a writer is stopped between counting its frame and stamping it. Readers that join then must
// neither wait for it nor count wrongly.
func TestJoiningBesideAHalfFinishedCommit(t *testing.T) {
	for _, start := range []Start{Oldest(), Newest(), Last(2), AtPosition(2)} {
		r := heapRing(t, Geometry{Slots: 8})
		a, b := mustWriter(t, r, 1), mustWriter(t, r, 1)
		mustSend(t, a, "a0")
		mustSend(t, b, "b0")
		mustClaim(t, a, 2)
		copy(a.Payload(2), "a1")
		describeOnly(a, 2, KindRaw, 0)
		mustSend(t, b, "b1")
		rd := mustReader(t, r, Tap, start, 0)
		if rd.Position() > a.pos {
			t.Fatalf("start %+v: joined at %d, behind the open claim at %d", start, rd.Position(), a.pos)
		}
		r.at(a.pos).stamp.Store(makeStamp(a.pos, 1, r.mask, committed))
		a.closeClaim()
		mustSend(t, a, "a2")
		for range 8 {
			mustSend(t, b, "b")
		}
		readAll(t, rd)
		want := uint64(3) // a1 b1 a2
		if start.kind == startOldest {
			want = 5
		}
		if start.kind == startLast {
			want = 5 // only two frames were there, both before the claim
		}
		if rd.Lost() != want {
			t.Fatalf("start %+v: lost %d, want %d", start, rd.Lost(), want)
		}
	}
}

// TestJoiningAfterADeathInACommit: a writer died between counting its frame and stamping it, and was reaped. The frame that never was
// must not keep readers from starting at the oldest frame.
func TestJoiningAfterADeathInACommit(t *testing.T) {
	r, kill := mortal(t, Geometry{Slots: 8, Publishers: 2})
	w, d := mustWriter(t, r, living), mustWriter(t, r, dying)
	mustSend(t, d, "d0")
	mustClaim(t, d, 1)
	describeOnly(d, 1, KindRaw, 0)
	kill(dying)
	r.Recover(d.pos)
	mustSend(t, w, "w0")
	rd := mustReader(t, r, Tap, Oldest(), 0)
	if got := readAll(t, rd); got != "d0 w0" || rd.Lost() != 1 {
		t.Fatalf("read %q and lost %d, want everything, and the number that was never a frame counted", got, rd.Lost())
	}
	late := mustReader(t, r, Tap, AtPosition(1), 0)
	again := mustWriter(t, r, spare)
	mustSend(t, again, "d1")
	if got := readAll(t, late); got != "w0 d1" || late.Lost() != 0 {
		t.Fatalf("read %q and lost %d, want everything from position 1 on", got, late.Lost())
	}
}

// TestJoiningBesideALateAnnouncement: a stopped writer has announced a long claim at a position that another took with a short one.
// What lies under the long announcement must not be overlooked.
func TestJoiningBesideALateAnnouncement(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 16})
	late, a, b := mustWriter(t, r, 1), mustWriter(t, r, 1), mustWriter(t, r, 1)
	mustSend(t, b, "b0")
	announce(late, 500)
	mustClaim(t, a, 1)
	mustSend(t, b, "b1")
	for range 8 {
		mustSend(t, b, "b")
	}
	rd := mustReader(t, r, Tap, AtPosition(1), 0)
	a.Commit(1, KindRaw, 0)
	late.line.claim.StoreRelease(0)
	for range 16 {
		mustSend(t, a, "a")
	}
	readAll(t, rd)
	if rd.Received()+rd.Lost() != 26 {
		t.Fatalf("read %d and lost %d, want 26 together: 17 of a's and 9 of b's", rd.Received(), rd.Lost())
	}
}

func TestModesThatThePolicyForbids(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 4})
	_, err := r.NewReader(Gate, Oldest(), 1)
	wantErr(t, err, ErrPolicy)
	if !r.Remove() || r.Remove() {
		t.Fatal("a topic is removed once")
	}
	for _, m := range []Mode{Tap, Lossy} {
		_, err = r.NewReader(m, Oldest(), 1)
		wantErr(t, err, ErrRemoved)
	}
	_, err = r.NewWriter(1)
	wantErr(t, err, ErrRemoved)
	if len(r.Gates()) != 0 || len(r.Writers()) != 0 || !r.Unused() {
		t.Fatal("a line stayed taken")
	}
}

// TestJoiningARingThatRunsAway: the ring laps faster than its many lines can be looked at. Joining ends all the same, and what is
// committed afterwards is read or counted.
func TestJoiningARingThatRunsAway(t *testing.T) {
	skipLossyUnderRace(t)
	r := heapRing(t, Geometry{Slots: 2, Publishers: MaxLines})
	w := mustWriter(t, r, 1)
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := w.Claim(8); err != nil {
				t.Error(err)
				return
			}
			w.Commit(8, KindRaw, 0)
		}
	}()
	inTime(t, limit, "joining", func() {
		for range often(100, 2000) {
			if _, err := r.NewReader(Tap, Oldest(), 0); err != nil {
				t.Error(err)
			}
		}
	})
	close(stop)
	<-stopped
	rd := mustReader(t, r, Tap, Newest(), 0)
	rd.loss.startLoose(r)
	for range 5 {
		mustSend(t, w, "x")
	}
	readAll(t, rd)
	if rd.Lost()+rd.Received() != 5 || rd.Received() == 0 {
		t.Fatalf("read %d and lost %d, want 5 together", rd.Received(), rd.Lost())
	}
}

// TestNewestIsNotBehindAnOpenClaimThatTheHeadHasEntered: a writer is held up within a batch, of which the head has passed the first frame.
func TestNewestIsNotBehindAnOpenClaimThatTheHeadHasEntered(t *testing.T) {
	for _, mode := range []Mode{Tap, Lossy, Gate} {
		r := heapRing(t, Geometry{Slots: 8, Policy: PolicyLossless})
		slow, w := mustWriter(t, r, 1), mustWriter(t, r, 2)
		if !slow.take(0, 2) {
			t.Fatal("no claim")
		}
		slow.stampOne(0, 0, KindRaw, 0)
		for i := range 7 {
			mustSend(t, w, fmt.Sprint(i))
		}
		wantErr(t, w.Claim(1), ErrHeldBySlot)
		if head, _ := r.Head(); head != 1 {
			t.Fatalf("the head is at %d, want 1, within the claim", head)
		}
		rd := mustReader(t, r, mode, Newest(), 3)
		if pos := rd.Position(); pos != 1 {
			t.Fatalf("mode %d begins at %d, behind a frame that is still to be committed at 1", mode, pos)
		}
		if w.Claim(1) == nil {
			t.Fatal("the head passes a frame that is still to be committed")
		}
		slow.stampOne(1, 0, KindRaw, 0)
		slow.closeClaim()
		for _, want := range []string{"", "0", "1", "2", "3", "4", "5", "6"} {
			if mode == Gate {
				wantNext(t, rd, want)
			} else if b, err := rd.Copy(new(Frame), nil); err != nil || string(b) != want {
				t.Fatalf("mode %d read %q, %v; want %q", mode, b, err, want)
			}
		}
		if lost := rd.Lost(); lost != 0 {
			t.Fatalf("%d are counted as lost", lost)
		}
	}
}
