//go:build shmbus_sched

package mem

import "sync/atomic"

// A Fence is the scheduled twin of the Fences in fence_*.go.
type Fence struct{ w uint64 }

// LoadLoad is a store to a private word, for CPUs that need one.
func (f *Fence) LoadLoad() { atomic.StoreUint64(&f.w, 0) }

// StoreLoad is offered to HookFence; without it there is nothing to do, because release stores are full barriers with this tag.
//
//go:noinline
func (*Fence) StoreLoad() {
	if HookFence != nil {
		HookFence(false)
	}
}
