//go:build !amd64

package mem

import "sync/atomic"

// A Fence keeps the loads before it from sinking below the loads after it. It is private to one goroutine.
type Fence struct{ w uint64 }

// LoadLoad stores to a private word with release order: earlier loads are done before it, and a later acquire load cannot pass
// it, because Go's atomics are sequentially consistent among themselves (on arm64 STLR followed by LDAR).
func (f *Fence) LoadLoad() { atomic.StoreUint64(&f.w, 0) }
