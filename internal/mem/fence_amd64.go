//go:build !shmbus_sched

package mem

import "sync/atomic"

// A Fence keeps operations before it apart from those after it. It is private to one goroutine.
type Fence struct{ w uint64 }

// LoadLoad keeps the loads before it from sinking below the acquire loads after it. It does nothing: amd64 never lets a load pass an
// earlier one.
func (*Fence) LoadLoad() {}

// StoreLoad keeps the loads after it from passing the release stores before it. It is an XCHG to a private word, which waits until all
// stores before it are seen.
func (f *Fence) StoreLoad() { atomic.StoreUint64(&f.w, 0) }
