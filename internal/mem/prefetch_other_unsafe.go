//go:build !amd64 && !arm64

package mem

import "unsafe"

func prefetchStore(p, q unsafe.Pointer) {}

func prefetchStores(p unsafe.Pointer, stepP uintptr, q unsafe.Pointer, stepQ uintptr, n int) {}

func prefetchLoads(p unsafe.Pointer, step uintptr, n int) {}
