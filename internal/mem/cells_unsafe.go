package mem

import (
	"fmt"
	"math/bits"
	"unsafe"
)

// Cells are payload in cells of one size, a power of two of them. As in a Circle, no index is out of range.
type Cells struct {
	first unsafe.Pointer
	last  uint64 // offset of the last cell
	size  uint64 // of a cell, a power of two
}

// A processor of 32 bits is refused here: it has no room for a ring's cells, nor for words that are one load.
const shmbusNeeds64Bits = bits.UintSize

var _ [shmbusNeeds64Bits - 64]struct{}

// Line is how many bytes CopyLine copies: those of a cache line.
const Line = 64

// MaxCells is how many bytes Cells may have together.
const MaxCells = 1 << 40

// NewCells lays cells of 1<<shift bytes over b.
func NewCells(b []byte, shift uint) (Cells, error) {
	n, size := len(b)>>(shift&63), 1<<(shift&63)
	if n == 0 || n&(n-1) != 0 || n*size != len(b) || len(b) > MaxCells {
		return Cells{}, fmt.Errorf("%d bytes are not a power of two cells of %d", len(b), size)
	}
	return Cells{unsafe.Pointer(&b[0]), uint64(len(b) - size), uint64(size)}, nil
}

// At is the cell with the given index.
func (c *Cells) At(i uint64) Cell { return Cell{c.place(i), c.size} }

// First is the first byte of the cell with the given index.
func (c *Cells) First(i uint64) *byte { return (*byte)(c.place(i)) }

func (c *Cells) place(i uint64) unsafe.Pointer { return unsafe.Add(c.first, i*c.size&c.last) }

// A Cell is one of Cells.
type Cell struct {
	first unsafe.Pointer
	size  uint64
}

// First is its first byte.
func (c Cell) First() *byte { return (*byte)(c.first) }

// Fits says whether n bytes fit in it.
func (c Cell) Fits(n int) bool { return uint64(n) <= c.size }

// Bytes is its first n bytes, which must fit.
func (c Cell) Bytes(n int) []byte {
	if uint64(n) > c.size {
		panic("mem: more than a cell")
	}
	return (*[MaxCells]byte)(c.first)[:n:n]
}

// After is the cell behind it. What is behind the last one must not be used.
func (c Cell) After() Cell { return Cell{unsafe.Add(c.first, c.size), c.size} }

// Point moves b, which are the first bytes of a cell, to those of another one of the same size.
func Point(b *[]byte, c Cell) { *(*unsafe.Pointer)(unsafe.Pointer(b)) = c.first }

// After is as many bytes of the cell behind that of b, which are the first of a cell. What is behind the last one must not be used.
func (c *Cells) After(b []byte) []byte { return c.Behind(b, 1) }

// Behind is After for the cell n behind that of b.
func (c *Cells) Behind(b []byte, n int) []byte {
	return (*[MaxCells]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), n*int(c.size)))[:len(b):len(b)]
}

// Fill copies the first of ps that have n bytes to the cells from index i on, each of which must have room for that, and says how many they were. They
// must not go round the end.
func Fill(c *Cells, i uint64, ps [][]byte, n int) int {
	at := c.place(i)
	if shortOnes(n) {
		return fillShort(at, c.size, ps, n)
	}
	for k, p := range ps {
		if len(p) != n {
			return k
		}
		Copy(unsafe.Slice((*byte)(at), n), p)
		at = unsafe.Add(at, c.size)
	}
	return len(ps)
}

// Take stores to each of n cells from index i on, which nobody else uses, so that this CPU has their first lines for itself. They must not go round the end.
func (c *Cells) Take(i uint64, n int) {
	p := c.place(i)
	for range n {
		(*Plain)(p).Set(0)
		p = unsafe.Add(p, c.size)
	}
}
