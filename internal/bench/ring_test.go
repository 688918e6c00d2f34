package bench

import "testing"

func TestRingsHaveTheirSizes(t *testing.T) {
	for _, c := range []struct{ size, cell, pair, crowd int }{
		{1, 64, 8192, 131072},
		{64, 64, 8192, 131072},
		{65, 128, 8192, 32768},
		{1 << 10, 1 << 10, 4096, 4096},
		{64 << 10, 64 << 10, 64, 256},
		{1 << 20, 64 << 10, 64, 1024},
		{16 << 20, 64 << 10, 1024, 1024},
	} {
		cell := CellFor(c.size)
		if pair, crowd := SlotsFor(c.size, cell, false), SlotsFor(c.size, cell, true); cell != c.cell || pair != c.pair || crowd != c.crowd {
			t.Errorf("frames of %d: cells of %d, %d slots, %d with more processes; want %v", c.size, cell, pair, crowd, c)
		}
	}
}

// TestARingOfSmallCellsHasRoomForLargeFrames: who asks for cells of 64 bytes gets a ring that frames of any size fit in.
func TestARingOfSmallCellsHasRoomForLargeFrames(t *testing.T) {
	for size := 1; size <= 16<<20; size *= 2 {
		for _, crowded := range []bool{false, true} {
			if room := SlotsFor(size, lineSize, crowded) * lineSize; room < 2*size {
				t.Errorf("frames of %d, crowded %v: a ring of %d bytes", size, crowded, room)
			}
		}
	}
}
