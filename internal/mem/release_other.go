//go:build (!amd64 || race) && !shmbus_sched

package mem

import "sync/atomic"

// StoreRelease stores after everything that was loaded or stored before it. A later load may pass it.
//
// It is an atomic store here. arm64 has it as one instruction, STLR; the race detector needs to see it.
func (w *Word) StoreRelease(x uint64) { atomic.StoreUint64(&w.v, x) }
