package mem

import (
	"fmt"
	"unsafe"
)

// Cells are payload in cells of one size, a power of two of them. As in a Circle, no index is out of range.
type Cells struct {
	first unsafe.Pointer
	mask  uint64 // cells - 1
	shift uint8  // log2 of a cell's size
}

// NewCells lays cells of 1<<shift bytes over b.
func NewCells(b []byte, shift uint) (Cells, error) {
	n := len(b) >> (shift & 63)
	if n == 0 || n&(n-1) != 0 || n<<(shift&63) != len(b) {
		return Cells{}, fmt.Errorf("%d bytes are not a power of two cells of %d", len(b), 1<<shift)
	}
	return Cells{unsafe.Pointer(&b[0]), uint64(n - 1), uint8(shift)}, nil
}

// At is the first n bytes of the cell with the given index; n must not be larger than a cell.
func (c *Cells) At(i uint64, n int) []byte {
	if uint64(n) > 1<<(c.shift&63) {
		panic("mem: more than a cell")
	}
	return unsafe.Slice((*byte)(unsafe.Add(c.first, (i&c.mask)<<(c.shift&63))), n)
}

// Prefetch asks for the first cache lines of n cells from index i on, as a Circle's does.
func (c *Cells) Prefetch(i uint64, n int) {
	prefetch(&c.At(i, 1)[0], 1<<(c.shift&63), n)
}
