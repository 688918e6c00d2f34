//go:build !shmbus_sched

package mem

import "sync/atomic"

// A Word is a 64-bit word that several processes load and store. The zero Word is ready to use. It must be aligned to 8 bytes.
type Word struct{ v uint64 }

// Load is an acquire load: what was stored before the store it sees is visible after it.
func (w *Word) Load() uint64 { return atomic.LoadUint64(&w.v) }

// CompareAndSwap is a full barrier if it succeeds. If it fails it is an acquire load, and on amd64 a full barrier too.
func (w *Word) CompareAndSwap(old, new uint64) bool {
	return atomic.CompareAndSwapUint64(&w.v, old, new)
}

// Add adds and returns the new value. It is a full barrier.
func (w *Word) Add(delta uint64) uint64 { return atomic.AddUint64(&w.v, delta) }

// A Word32 is a 32-bit Word, the size a futex needs. It must be aligned to 4 bytes.
type Word32 struct{ v uint32 }

// Load is an acquire load.
func (w *Word32) Load() uint32 { return atomic.LoadUint32(&w.v) }

// CompareAndSwap orders as that of a Word does.
func (w *Word32) CompareAndSwap(old, new uint32) bool {
	return atomic.CompareAndSwapUint32(&w.v, old, new)
}

// Addr is the word's address, for a system call that sleeps on it. It must not be used to load or store.
func (w *Word32) Addr() *uint32 { return &w.v }
