package mem

import (
	"fmt"
	"unsafe"
)

// Cells are payload in cells of one size, a power of two of them. As in a Circle, no index is out of range.
type Cells struct {
	first unsafe.Pointer
	last  uint64 // offset of the last cell
	size  uint64 // of a cell, a power of two
}

// maxCell is more than a cell has.
const maxCell = 1 << 40

// NewCells lays cells of 1<<shift bytes over b.
func NewCells(b []byte, shift uint) (Cells, error) {
	n, size := len(b)>>(shift&63), 1<<(shift&63)
	if n == 0 || n&(n-1) != 0 || n*size != len(b) || len(b) > maxCell {
		return Cells{}, fmt.Errorf("%d bytes are not a power of two cells of %d", len(b), size)
	}
	return Cells{unsafe.Pointer(&b[0]), uint64(len(b) - size), uint64(size)}, nil
}

// Size is a cell's, in bytes.
func (c *Cells) Size() int { return int(c.size) }

// At is the first n bytes of the cell with the given index; n must not be larger than a cell.
func (c *Cells) At(i uint64, n int) []byte {
	if uint64(n) > c.size {
		panic("mem: more than a cell")
	}
	return (*[maxCell]byte)(c.place(i))[:n:n]
}

// First is the first byte of the cell with the given index.
func (c *Cells) First(i uint64) *byte { return (*byte)(c.place(i)) }

func (c *Cells) place(i uint64) unsafe.Pointer { return unsafe.Add(c.first, i*c.size&c.last) }
