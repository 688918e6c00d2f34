package topics

import (
	"slices"
	"testing"

	"shmbus/internal/mem"
)

func TestDistanceIsToldByFewLooks(t *testing.T) {
	const own, near, far = nearTicks - 1, nearTicks, farTicks
	many := func(ticks uint64, n int) []uint64 { return slices.Repeat([]uint64{ticks}, n) }
	for _, c := range []struct {
		name string
		was  bool
		see  [][]uint64
		is   bool
	}{
		{"at first", false, nil, false},
		{"two far looks do not decide", false, [][]uint64{many(far, leastFar-1)}, false},
		{"three do", false, [][]uint64{many(far, leastFar)}, true},
		{"they need not follow each other", false, [][]uint64{many(far, 2), many(near, round-leastFar), many(far, 1)}, true},
		{"they must be of one round", false, [][]uint64{many(near, round-2), many(far, 2), many(near, 1), many(far, 2)}, false},
		{"what lies in a cache of its own tells nothing", true, [][]uint64{many(own, mostOwn-1)}, true},
		{"nor does an interrupt", true, [][]uint64{many(mostTicks+1, mostOwn-1)}, true},
		{"but many such end a round", true, [][]uint64{many(mostTicks+1, mostOwn/2), many(own, mostOwn/2)}, false},
		{"and it begins anew", false, [][]uint64{many(far, 2), many(own, mostOwn), many(far, 2)}, false},
		{"neither counts", false, [][]uint64{many(far, 2), many(own, mostOwn-1), many(far, 1)}, true},
		{"a round of near ones", true, [][]uint64{many(near, round)}, false},
		{"less than a round", true, [][]uint64{many(near, round-1)}, true},
		{"a round with two far ones", true, [][]uint64{many(far, 2), many(farTicks-1, round-2)}, false},
	} {
		d := distance{is: c.was}
		for _, ticks := range slices.Concat(c.see...) {
			d.look(ticks)
		}
		if d.is != c.is {
			t.Errorf("%s: far: %v, want %v", c.name, d.is, c.is)
		}
	}
}

// TestDistanceIsLookedAtNowAndThen: once in some lines of payload, however many frames they are.
func TestDistanceIsLookedAtNowAndThen(t *testing.T) {
	if mem.LoadTicks(new(byte)) == 0 {
		t.Skip("this CPU has no counter of ticks to look at")
	}
	for _, c := range []struct{ frames, size, times, want int }{
		{1, 1024, 124, 0},
		{1, 1024, 125, 1},
		{4, 1024, 31, 0},
		{4, 1024, 32, 1},
		{1, 65536, 1, 0},
		{1, 65536, 2, 1},
		{1, 1 << 20, 7, 7},
	} {
		var d distance
		fs := make([]*Frame, c.frames)
		for i := range fs {
			fs[i] = &Frame{Payload: make([]byte, c.size)}
		}
		times := 0
		for range c.times {
			if d.see(fs); d.lines == 0 {
				times++
			}
		}
		if times != c.want {
			t.Errorf("%d times %d frames of %d bytes: looked %d times, want %d", c.times, c.frames, c.size, times, c.want)
		}
	}
}

func TestLargeFramesAreWorthASecondMappingOnlyFromFarAway(t *testing.T) {
	if !ownsLate || !mem.TakesUnchanged {
		t.Skip("on this CPU a reader takes no lines")
	}
	for _, c := range []struct {
		size int
		far  bool
		want bool
	}{{64, false, false}, {65, false, true}, {256, false, true}, {257, false, false}, {257, true, true}, {1024, false, false}, {1024, true, true}} {
		r := heapRing(t, Geometry{Slots: 8, CellSize: 1024, Policy: PolicyLossless})
		w, rd := mustWriter(t, r, 1), mustReader(t, r, Gate, Newest(), 1)
		rd.taking.from.is = c.far
		f := []*Frame{new(Frame)}
		for i := range 8 {
			if rd.MayTake() {
				t.Errorf("%d bytes: it takes lines after %d frames, before it has read a ring's worth", c.size, i)
			}
			mustSend(t, w, string(make([]byte, c.size)))
			if _, err := rd.BorrowMany(f, 1); err != nil {
				t.Fatal(err)
			}
			rd.Store(rd.Position())
		}
		if got := rd.MayTake(); got != c.want {
			t.Errorf("%d bytes, far: %v: may take lines: %v, want %v", c.size, c.far, got, c.want)
		}
	}
}
