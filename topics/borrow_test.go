package topics

import (
	"encoding/binary"
	"testing"
)

// TestFramesAreNotReadBeyondTheEndOfTheRing: behind the last descriptor lies the first cell, and what a publisher writes there may look like the
// descriptor of one more frame.
func TestFramesAreNotReadBeyondTheEndOfTheRing(t *testing.T) {
	r := heapRing(t, Geometry{Slots: testPage / lineSize, CellSize: 64, Policy: PolicyLossless})
	if r.areas.Cells != r.areas.Stamps+int64(r.slots.Len()*lineSize) {
		t.Fatal("the cells do not begin behind the descriptors")
	}
	w, rd := mustWriter(t, r, 1), mustReader(t, r, Gate, First(), 2)
	var f Frame
	end := uint64(r.slots.Len())
	for range end - 2 {
		mustSend(t, w, "")
		if _, err := rd.Borrow(&f); err != nil {
			t.Fatal(err)
		}
	}
	rd.Store(rd.Position())
	fake := binary.NativeEndian.AppendUint64(nil, makeStamp(end-1, 1, r.mask, committed))
	want := []string{"last but one", "last", string(fake), "second"}
	for _, s := range want {
		mustSend(t, w, s)
	}
	for _, want := range [][]string{want[:2], want[2:]} {
		fs := make([]Frame, 8)
		n, err := rd.BorrowMany(each(fs), 0)
		if n != len(want) || err != nil {
			t.Fatalf("%d frames, %v, want %d", n, err, len(want))
		}
		for i := range n {
			if string(fs[i].Payload) != want[i] {
				t.Errorf("frame %d is %q, want %q", fs[i].Position, fs[i].Payload, want[i])
			}
		}
	}
}
