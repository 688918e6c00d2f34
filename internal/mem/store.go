//go:build !race && !shmbus_sched

package mem

import "sync/atomic"

// Store is sequentially consistent: a later load of another word cannot pass it. It costs a locked instruction on amd64; use
// StoreRelease where only the order of stores counts.
func (w *Word) Store(x uint64) { atomic.StoreUint64(&w.v, x) }

// Store is sequentially consistent.
func (w *Word32) Store(x uint32) { atomic.StoreUint32(&w.v, x) }
