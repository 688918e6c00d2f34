package mem

import "unsafe"

// AskToStore asks for the cache lines of a and b, which are about to be stored to, and does not wait for them.
func AskToStore[A, B any](a *A, b *B) { prefetchStore(unsafe.Pointer(a), unsafe.Pointer(b)) }

// AskToStoreMany asks for the first cache lines of n values and n cells from index i on, at least one. They must not go round the end.
func AskToStoreMany[T any](c *Circle[T], cells *Cells, i uint64, n int) {
	var z T
	prefetchStores(unsafe.Pointer(c.At(i)), unsafe.Sizeof(z), cells.place(i), uintptr(cells.size), n)
}
