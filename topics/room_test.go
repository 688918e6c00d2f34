package topics

import (
	"fmt"
	"testing"
)

// TestAGateThatLeavesWhileAWriterLooksIsNotWaitedFor: the gate's line is free, or another's, by the time the writer notes what it
// waits for. It must not note the free line: nobody would wake it.
func TestAGateThatLeavesWhileAWriterLooksIsNotWaitedFor(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 4, Policy: PolicyLossless})
	w := mustWriter(t, r, 1)
	rd := mustReader(t, r, Gate, Oldest(), 1)
	for i := range 4 {
		mustSend(t, w, fmt.Sprint(i))
	}
	wantErr(t, w.Claim(1), ErrHeldByGate)
	if w.Ready() {
		t.Fatal("ready although the gate has not moved")
	}
	if w.heldValue&kindMask != kindGate {
		t.Fatalf("the writer waits for a change from %#x, which is no gate", w.heldValue)
	}
	rd.Close()
	if !w.Ready() {
		t.Fatal("not ready although the gate has left")
	}
	mustSend(t, w, "4")
}

// TestJoiningStopsAMoveOfTheHead: whatever a writer has computed without the new gate fails.
func TestJoiningStopsAMoveOfTheHead(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 4, Policy: PolicyLossless})
	w := mustWriter(t, r, 1)
	for i := range 4 {
		mustSend(t, w, fmt.Sprint(i))
	}
	before := r.control.head.Load()
	rd := mustReader(t, r, Gate, Oldest(), 1)
	if r.control.head.CompareAndSwap(before, before+1) {
		t.Fatal("a move of the head from before the join succeeded")
	}
	wantErr(t, w.Claim(1), ErrHeldByGate)
	wantNext(t, rd, "0")
	mustSend(t, w, "4")
	for range 5000 { // the count wraps and never touches the position
		rd2 := mustReader(t, r, Gate, Newest(), 1)
		rd2.Close()
	}
	if h, _ := r.Head(); h != 1 {
		t.Fatalf("the head is at %d, want 1", h)
	}
}

// TestAWriterHeldByASlotIsToldWhichOne: another's claim is open a lap later.
func TestAWriterHeldByASlotIsToldWhichOne(t *testing.T) {
	for _, p := range []Policy{PolicyOverwrite, PolicyLossless} {
		r := heapRing(t, Geometry{Slots: 8, Policy: p})
		w, slow := mustWriter(t, r, 1), mustWriter(t, r, 1)
		mustSend(t, w, "0")
		mustClaim(t, slow, 1)
		for i := range 6 {
			mustSend(t, w, fmt.Sprint(i))
		}
		mustSend(t, w, "first slot again")
		wantErr(t, w.Claim(1), ErrHeldBySlot)
		if w.HeldAt() != 1 || w.Ready() || w.Open() {
			t.Fatalf("held at %d, ready %v, open %v; want 1, false, false", w.HeldAt(), w.Ready(), w.Open())
		}
		slow.Abort()
		slow.Abort() // nothing is open
		if !w.Ready() {
			t.Fatal("not ready after the claim ended")
		}
		mustSend(t, w, "on")
	}
}

// TestTheLargestFrameAlwaysFits: half the ring from every position, and not a byte more.
func TestTheLargestFrameAlwaysFits(t *testing.T) {
	for _, slots := range []int{2, 4, 8, 32} {
		r := heapRing(t, Geometry{Slots: slots, Policy: PolicyLossless})
		w := mustWriter(t, r, 1)
		rd := mustReader(t, r, Gate, Oldest(), 1)
		most := r.Geometry().MaxFrame()
		wantErr(t, w.Claim(most+1), ErrTooLarge)
		for i := range 2 * slots {
			mustClaim(t, w, most)
			fill(w.Payload(most), 1, uint64(i))
			w.Commit(most, KindMsgpack, 7)
			var f Frame
			b, err := rd.Borrow(&f)
			if err != nil || f.Length() != most || f.Kind() != KindMsgpack || f.Time() != 7 {
				t.Fatalf("%d slots: %+v, %v", slots, f, err)
			}
			var scratch []byte
			if err := intact(b, 1, uint64(i), &scratch); err != nil {
				t.Fatal(err)
			}
			rd.Store(rd.Position())
			mustSend(t, w, "x") // so that the next one begins elsewhere
			wantNext(t, rd, "x")
		}
	}
}

// TestABatchTakesWhatFits: as many frames as a quarter of the ring and the room allow, in order.
func TestABatchTakesWhatFits(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 32, Policy: PolicyLossless})
	w := mustWriter(t, r, 1)
	rd := mustReader(t, r, Gate, Oldest(), 1)
	var all [][]byte
	for i := range 100 {
		all = append(all, fmt.Append(nil, i))
	}
	sent, read := 0, 0
	for sent < len(all) {
		n, err := w.Batch(all[sent:], KindRaw, 0)
		if err == nil && (n < 1 || n > 8) {
			t.Fatalf("a batch of %d frames, want 1 to 8", n)
		}
		sent += n
		if err != nil {
			wantErr(t, err, ErrHeldByGate)
			wantNext(t, rd, fmt.Sprint(read))
			read++
		}
	}
	for ; read < len(all); read++ {
		wantNext(t, rd, fmt.Sprint(read))
	}
	if n, err := w.Batch([][]byte{make([]byte, r.Geometry().MaxFrame()+1)}, KindRaw, 0); n != 0 || err != ErrTooLarge {
		t.Fatalf("too large a frame: %d, %v", n, err)
	}
	if n, err := w.Batch([][]byte{{1}, make([]byte, r.Geometry().MaxFrame()+1)}, KindRaw, 0); n != 1 || err != nil {
		t.Fatalf("a frame before one too large: %d, %v; want 1", n, err)
	}
	if n, err := w.Batch(nil, KindRaw, 0); n != 0 || err != nil {
		t.Fatalf("an empty batch: %d, %v", n, err)
	}
	wantNext(t, rd, "\x01")
	wantNext(t, rd, "")
}

// TestAMoveOfTheHeadBeginsBelowTheGate: all below a gate is there, so a writer among others looks at no stamp before the last place where one may begin.
func TestAMoveOfTheHeadBeginsBelowTheGate(t *testing.T) {
	for _, c := range []struct {
		name   string
		length int // a frame of so many bytes begins at no multiple of 32 in some rounds
	}{{"one slot", 8}, {"three slots", 130}} {
		t.Run(c.name, func(t *testing.T) {
			const n = 1024
			r := heapRing(t, Geometry{Slots: n, CellSize: 64, Policy: PolicyLossless})
			ws := []*Writer{mustWriter(t, r, 1), mustWriter(t, r, 2)}
			rd := mustReader(t, r, Gate, Oldest(), 3)
			frame := make([]byte, c.length)
			moved, jumped := 0, 0
			for i := 0; r.Tail() < 8*n; i++ {
				head, _ := r.Head()
				at := r.at(head + uint64(c.length+63)/64)
				stamp := at.stamp.Load()
				if rd.Position() > head+n/4 { // then the writer need not go frame by frame
					at.stamp.Store(0)
				}
				err := put(ws[i%2], frame, 0)
				at.stamp.CompareAndSwap(0, stamp)
				if err != nil && err != ErrHeldBySlot {
					t.Fatal(err)
				}
				if err != nil { // no frame began where it might have: it went by stamps, and does so again
					if c.length <= 64 {
						t.Fatal("held by a slot far below the gate")
					}
					if err := put(ws[i%2], frame, 0); err != nil {
						t.Fatal(err)
					}
				}
				now, _ := r.Head()
				if now > rd.Position() || now != r.Tail() && !r.finished(now) {
					t.Fatalf("the head is at %d, where no frame begins, or behind %d", now, rd.Position())
				}
				if now != head {
					if moved++; err == nil && now > head+n/16 {
						jumped++
					}
				}
				var f [8]Frame
				if k, err := rd.borrow(each(f[:1+i%2]), 0); err == nil {
					rd.Release(f[k-1].Position + f[k-1].Span)
				}
			}
			if moved < 8 || jumped < 4 {
				t.Fatalf("the head moved %d times, and %d times without a look at what lay between", moved, jumped)
			}
		})
	}
}

// TestARunMayHaveGrownOverATailLoadedBefore: who comes to move the head for a tail that was loaded before a run grew over it walks past that. Nothing is wrong,
// its claim just fails. Where nobody has claimed that far, something is.
func TestARunMayHaveGrownOverATailLoadedBefore(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 64, NoTime: true, Publishers: 2})
	letGrow(r)
	w, large := growingWriter(t, r, 1), mustWriter(t, r, 2)
	w.crossed -= growAlone
	putOnes(t, w, 0, 68)
	before := r.control.tail.Load()
	putOnes(t, w, 68, 10)
	start := r.runStart(before)
	if start == before {
		t.Fatalf("no run lies over %d", before)
	}
	if err := large.makeRoom(before, 64); err != nil {
		t.Fatalf("a tail of before: %v", err)
	}
	if large.take(before, 64) {
		t.Fatal("a tail of before was claimed")
	}
	r.at(start).stamp.Store(makeStamp(start, 96-start, r.mask, committedRun)) // up to the end of its block
	wantErr(t, large.makeRoom(before, 64), ErrCorrupt)
}
