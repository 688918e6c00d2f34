//go:build !amd64 && !arm64

package mem

import "unsafe"

func prefetchStore(p unsafe.Pointer, stepP uintptr, q unsafe.Pointer, stepQ uintptr, n int) {}
