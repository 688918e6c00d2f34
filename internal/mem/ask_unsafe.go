package mem

import "unsafe"

// AskToStore asks for the first cache lines of n values and n cells from index i on, which are about to be stored to, and does not wait for
// them. They must not go round the end.
func AskToStore[T any](c *Circle[T], cells *Cells, i uint64, n int) {
	var z T
	prefetchStore(unsafe.Pointer(c.At(i)), unsafe.Sizeof(z), cells.place(i), uintptr(cells.size), n)
}
