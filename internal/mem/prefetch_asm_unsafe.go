//go:build amd64 || arm64

package mem

import "unsafe"

// prefetchStore is prefetchStores for one line of each, in a third of the instructions: it is asked with every frame.
//
//go:noescape
func prefetchStore(p, q unsafe.Pointer)

// prefetchStores asks for n cache lines from p on, one every stepP bytes, and n from q on, which are about to be stored to; n is at least 1.
//
//go:noescape
func prefetchStores(p unsafe.Pointer, stepP uintptr, q unsafe.Pointer, stepQ uintptr, n int)

// prefetchLoads asks for n cache lines from p on, one every step bytes; n is at least 1.
//
//go:noescape
func prefetchLoads(p unsafe.Pointer, step uintptr, n int)
