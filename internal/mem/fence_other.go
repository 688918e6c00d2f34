//go:build !amd64

package mem

import "sync/atomic"

// A Fence keeps the loads before it from sinking below the acquire loads after it. It is private to one goroutine.
type Fence struct{ w uint64 }

// LoadLoad stores to a private word with release order: earlier loads are done before it, and a later acquire load cannot pass
// it, because Go's atomics are sequentially consistent among themselves. On arm64 these are STLR and LDAR; docs/PROTOCOL.md has the
// argument, and a test in topics looks at the object code.
func (f *Fence) LoadLoad() { atomic.StoreUint64(&f.w, 0) }
