package mem

import "unsafe"

// AskToStore asks for the cache lines of a and b, which are about to be stored to, and does not wait for them.
func AskToStore[A, B any](a *A, b *B) { prefetchStore(unsafe.Pointer(a), unsafe.Pointer(b)) }

// AskToStoreMany asks for the first cache lines of n values and n cells from index i on, at least one. They must not go round the end.
func AskToStoreMany[T any](c *Circle[T], cells *Cells, i uint64, n int) {
	var z T
	prefetchStores(unsafe.Pointer(c.At(i)), unsafe.Sizeof(z), cells.place(i), uintptr(cells.size), n)
}

// AskToStoreCells is AskToStoreMany for n cells only, an even number of them.
func AskToStoreCells(cells *Cells, i uint64, n int) {
	step := uintptr(2 * cells.size)
	prefetchStores(cells.place(i), step, cells.place(i+1), step, n/2)
}

// AskToLoad asks for the first cache lines of n cells from index i on, at least one, which are about to be loaded from. They must not go round the end.
func AskToLoad(cells *Cells, i uint64, n int) {
	prefetchLoads(cells.place(i), uintptr(cells.size), n)
}

// AskToLoadOne asks for the cache line of a, which is about to be loaded from.
func AskToLoadOne[A any](a *A) { prefetchLoads(unsafe.Pointer(a), 0, 1) }
