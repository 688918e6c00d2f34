//go:build race && !shmbus_sched

package mem

import "sync/atomic"

// Store is sequentially consistent: a later load of another word cannot pass it.
//
// It is an exchange here. In memory that is not Go's, as a mapping, the race detector's own store is a plain one on amd64, which a later load does
// pass: a sleeper was not woken.
func (w *Word) Store(x uint64) { atomic.SwapUint64(&w.v, x) }

// Store is sequentially consistent.
func (w *Word32) Store(x uint32) { atomic.SwapUint32(&w.v, x) }
