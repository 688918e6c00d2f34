//go:build !amd64 && !shmbus_sched

package mem

import "sync/atomic"

// A Fence keeps operations before it apart from those after it. It is private to one goroutine.
type Fence struct{ w uint64 }

// LoadLoad keeps the loads before it from sinking below the acquire loads after it. It stores to a private word with release order:
// earlier loads are done before it, and a later acquire load cannot pass it, because Go's atomics are sequentially consistent among
// themselves. On arm64 these are STLR and LDAR; docs/PROTOCOL.md has the argument, and a test in topics looks at the object code.
func (f *Fence) LoadLoad() { atomic.StoreUint64(&f.w, 0) }

// StoreLoad keeps the loads after it from passing the release stores before it. It does nothing: here a release store is one of Go's
// atomics, too.
func (*Fence) StoreLoad() {}
