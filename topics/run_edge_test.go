package topics

import (
	"encoding/binary"
	"errors"
	"testing"
)

// A reader that stands within a run waits for nothing there, though its slot has no stamp.
func TestNobodyTakesARunForUnfinished(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 64, Policy: PolicyLossless})
	r.Self = 9
	w := mustWriter(t, r, 1)
	for lap := range 3 { // stamps of earlier laps lie in the slots of later ones
		first := int(r.Tail())
		rd := mustReader(t, r, Gate, Newest(), 2)
		mustBatch(t, w, alike(first, 16, 8)...)
		for n := range 16 {
			if got := nextOf(t, rd); got != first+n {
				t.Fatalf("frame %d where %d should be", got, first+n)
			}
			for p := first; p < first+16; p++ {
				if r.Recover(uint64(p)) || r.Sound(uint64(p)) != nil {
					t.Fatalf("lap %d: position %d is taken for unfinished, or unsound: %v", lap, p, r.Sound(uint64(p)))
				}
			}
			if e := r.Examine(); len(e.Wrong) != 0 {
				t.Fatal(e.Wrong)
			}
			rd.Store(rd.Position())
		}
		rd.Close()
		for range 48 - lap {
			mustSend(t, w, "between")
		}
	}
}

// A claim that was announced and not taken may end within a run of others. Who passes over it must not take what follows for unfinished.
func TestAnAnnouncementThatEndsWithinARun(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 128, Policy: PolicyLossless})
	r.Self = 9
	late, holder, w := mustWriter(t, r, 1), mustWriter(t, r, 2), mustWriter(t, r, 3)
	a, b := mustMember(t, r, "g", Oldest(), 4), mustMember(t, r, "g", Oldest(), 5)
	mustClaim(t, holder, 10*64)
	late.line.announce(0, 12)
	mustBatch(t, w, alike(0, 16, 8)...)
	if r.Recover(0) {
		t.Error("something was given back")
	}
	if e := r.Examine(); len(e.Wrong) != 0 {
		t.Error(e.Wrong)
	}
	late.closeClaim()
	holder.Commit(1, KindRaw, 0)
	var f Frame
	if _, err := a.Take(&f, true); err != nil || f.Span != 10 {
		t.Fatalf("the large frame comes as %v, %+v", err, f)
	}
	for n := range 16 {
		m := []*Reader{a, b}[n%2]
		if n > 0 || m != a {
			m.Ack()
		}
		if _, err := m.Take(&f, true); err != nil || f.Position != uint64(10+n) {
			t.Fatalf("frame %d of the run comes as %v, %+v", n, err, f)
		}
	}
}

// The largest frame is half of a ring. Who holds the newest frame only must not be in its way, be it one of a run.
func TestTheLargestFrameFindsRoomBesideARun(t *testing.T) {
	for _, slots := range []int{4, 8, 16, 32, 64, 128, 256} {
		for before := range slots {
			r := heapRing(t, Geometry{Slots: slots, Policy: PolicyLossless})
			w, rd := mustWriter(t, r, 1), mustReader(t, r, Gate, Oldest(), 2)
			for range before {
				mustSend(t, w, "before")
			}
			var f Frame
			read := func() {
				for rd.Position() < r.Tail() {
					if _, err := rd.Borrow(&f); err != nil {
						t.Fatal(err)
					}
				}
				rd.Store(f.Position)
			}
			read()
			mustBatch(t, w, alike(before, slots/4, 8)...)
			read()
			if err := w.Claim(slots / 2 * 64); err != nil {
				t.Errorf("in a ring of %d slots, with a reader at %d of %d: %v", slots, f.Position, r.Tail(), err)
			}
		}
	}
}

func TestAGroupMayBeginWithinARun(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 128, Policy: PolicyLossless})
	w := mustWriter(t, r, 1)
	mustBatch(t, w, alike(0, 10, 8)...)
	a, b := mustMember(t, r, "g", Last(3), 2), mustMember(t, r, "g", Last(3), 3)
	for n := 7; n < 10; n++ {
		m := []*Reader{a, b}[n%2]
		var f Frame
		if _, err := m.Take(&f, false); err != nil || f.Position != uint64(n) || f.Sequence() != uint64(n)+1 {
			t.Fatalf("frame %d comes as %v, %+v", n, err, f)
		}
		m.Ack()
	}
	wantNothing(t, a)
	wantNothing(t, b)
}

func TestTheTimeOfWhatIsBehindTheMiddleOfARun(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 128})
	mustBatch(t, mustWriter(t, r, 1), alike(0, 16, 8)...)
	for p := range uint64(16) {
		if got := r.timesBehind([]uint64{p}, r.Tail())[p]; got != 7 {
			t.Errorf("from %d on the time is %d", p, got)
		}
	}
}

// A run whose stamp is overwritten while somebody reads within it must end in an error, not in silence, and not be taken for nobody's.
func TestARunThatIsOneNoMore(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 128, Policy: PolicyLossless})
	r.Self = 9
	w := mustWriter(t, r, 1)
	a, b := mustMember(t, r, "g", Oldest(), 2), mustMember(t, r, "g", Oldest(), 3)
	mustBatch(t, w, alike(0, 16, 8)...)
	var f Frame
	if _, err := a.Take(&f, true); err != nil {
		t.Fatal(err)
	}
	r.at(0).stamp.Store(makeStamp(0, 16, r.mask, committed))
	_, err := b.Take(&f, true)
	wantErr(t, err, ErrEmpty)
	if b.Ready() || r.Recover(b.Position()) {
		t.Error("it is ready, or something was given back")
	}
	wantErr(t, b.Sound(), ErrCorrupt)
}

func TestATailThatGoesBackIntoARun(t *testing.T) {
	for back := uint64(1); back < 16; back++ { // 0 is where b began: nobody seems to have claimed since
		r := heapRing(t, Geometry{Slots: 128})
		a, b := mustWriter(t, r, 1), mustWriter(t, r, 2)
		mustBatch(t, a, alike(0, 16, 8)...)
		r.control.tail.Store(back)
		wantErr(t, b.Claim(8), ErrCorrupt)
		for at := back + 1; at < 16; at++ { // a claim that is taken back has moved the tail
			_, err := b.Batch(alike(0, 1, 8), KindRaw, 0)
			wantErr(t, err, ErrCorrupt)
		}
	}
}

func TestRunsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(r *Ring)
		want error
	}{
		{"more than a cell", func(r *Ring) { r.at(0).meta.Set(r.at(0).meta.Get()&^(1<<32-1) | 65) }, nil},
		{"much more than a cell", func(r *Ring) { r.at(0).meta.Set(r.at(0).meta.Get() | (1<<32 - 1)) }, nil},
		{"over a multiple of 32", func(r *Ring) { r.at(0).stamp.Store(makeStamp(0, 33, r.mask, committedRun)) }, ErrEmpty},
		{"of none", func(r *Ring) { r.at(0).stamp.Store(makeStamp(0, 0, r.mask, committedRun)) }, ErrEmpty},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := heapRing(t, Geometry{Slots: 128, Policy: PolicyLossless})
			w := mustWriter(t, r, 1)
			gate, lossy := mustReader(t, r, Gate, Oldest(), 2), mustReader(t, r, Lossy, Oldest(), 2)
			member := mustMember(t, r, "g", Oldest(), 3)
			mustBatch(t, w, alike(0, 32, 8)...)
			mustSend(t, w, "behind")
			c.do(r)
			corruptOr := func(rd *Reader, err error) { // that there is nothing, and then the look at what holds it up says so
				t.Helper()
				if c.want == ErrEmpty {
					wantErr(t, err, ErrEmpty)
					err = rd.Sound()
				}
				wantErr(t, err, ErrCorrupt)
			}
			var f Frame
			_, err := gate.Borrow(&f)
			corruptOr(gate, err)
			_, err = lossy.Copy(&f, nil)
			corruptOr(lossy, err)
			_, err = member.Take(&f, true)
			corruptOr(member, err)
			for p := range uint64(34) { // where others may begin
				if rd, err := r.NewReader(Tap, AtPosition(p), 0); err == nil {
					_, err = rd.Copy(&f, nil)
					if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrEmpty) {
						t.Errorf("from %d on: %v", p, err)
					}
				}
			}
		})
	}
}

// Of a run that a kicked gate has begun to read nothing more is handed out, whichever way it is asked for.
func TestAKickWithinARun(t *testing.T) {
	for _, most := range []int{1, mostRun} {
		r := heapRing(t, Geometry{Slots: 256, Policy: PolicyLossless})
		w := mustWriter(t, r, 1)
		rd := mustReader(t, r, Gate, Newest(), 2)
		mustBatch(t, w, alike(0, 48, 8)...)
		fs := each(make([]Frame, mostRun))
		if n, err := rd.borrow(fs[:5], 0); n != 5 || err != nil {
			t.Fatalf("%d frames: %v", n, err)
		}
		if !r.Kick(1) {
			t.Fatal("it was not kicked")
		}
		for range 3 {
			if n, err := rd.borrow(fs[:most], 0); n != 0 || !errors.Is(err, ErrKicked) || rd.Position() != 5 || rd.Received() != 5 {
				t.Fatalf("%d frames more, up to %d at once: %v; it is at %d", n, most, err, rd.Position())
			}
		}
	}
}

// What is left of a run is borrowed as one frame of so many slots; where there is no run, or nothing, BorrowRun says so and leaves the rest to BorrowMany.
func TestWhatIsLeftOfARunIsBorrowedAsOne(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 256, Policy: PolicyLossless})
	w := mustWriter(t, r, 1)
	rd := mustReader(t, r, Gate, Newest(), 2)
	var f Frame
	if n, err := rd.BorrowRun(&f); n != 0 || err != nil {
		t.Fatalf("of an empty ring %d frames: %v", n, err)
	}
	mustBatch(t, w, alike(0, 16, 8)...)
	for n := range 3 {
		if got := nextOf(t, rd); got != n {
			t.Fatalf("frame %d where %d should be", got, n)
		}
	}
	n, err := rd.BorrowRun(&f)
	if n != 13 || err != nil || f.Position != 3 || f.Span != 13 || f.Sequence() != 4 || !f.Held || rd.Received() != 16 {
		t.Fatalf("%d frames, described as %+v: %v", n, f, err)
	}
	for i := range n {
		if got := binary.LittleEndian.Uint64(r.Beside(f.Payload, i)); got != uint64(3+i) {
			t.Fatalf("frame %d where %d should be", got, 3+i)
		}
	}
	mustSend(t, w, "by itself")
	if n, err := rd.BorrowRun(&f); n != 0 || err != nil || rd.Position() != 16 {
		t.Fatalf("of a frame by itself %d frames: %v", n, err)
	}
	if b, err := rd.Borrow(&f); string(b) != "by itself" || err != nil {
		t.Fatalf("%q: %v", b, err)
	}
}
