//go:build shmbus_sched

package mem

import "sync/atomic"

// A Word is the scheduled twin of the Word in word.go. Its methods are not inlined, so that Hook finds out who called them.
type Word struct{ v uint64 }

// Load loads.
//
//go:noinline
func (w *Word) Load() uint64 {
	if Hook != nil {
		if v, done := Hook(OpLoad, addr(w), 0, 0); done {
			return v
		}
	}
	return atomic.LoadUint64(&w.v)
}

// Store stores.
//
//go:noinline
func (w *Word) Store(x uint64) {
	if Hook != nil {
		if _, done := Hook(OpStore, addr(w), 0, x); done {
			return
		}
	}
	atomic.StoreUint64(&w.v, x)
}

// StoreRelease stores with release order.
//
//go:noinline
func (w *Word) StoreRelease(x uint64) {
	if Hook != nil {
		if _, done := Hook(OpRelease, addr(w), 0, x); done {
			return
		}
	}
	atomic.StoreUint64(&w.v, x)
}

// CompareAndSwap compares and swaps.
//
//go:noinline
func (w *Word) CompareAndSwap(old, new uint64) bool {
	if Hook != nil {
		if v, done := Hook(OpSwap, addr(w), old, new); done {
			return v == 1
		}
	}
	return atomic.CompareAndSwapUint64(&w.v, old, new)
}

// Add adds.
//
//go:noinline
func (w *Word) Add(delta uint64) uint64 {
	if Hook != nil {
		if v, done := Hook(OpAdd, addr(w), 0, delta); done {
			return v
		}
	}
	return atomic.AddUint64(&w.v, delta)
}

// A Word32 is the scheduled twin of the Word32 in word.go. Where it is scheduled it is the lower half of an aligned word whose upper
// half is zero.
type Word32 struct{ v uint32 }

// Load loads.
//
//go:noinline
func (w *Word32) Load() uint32 {
	if Hook != nil {
		if v, done := Hook(OpLoad, addr(w), 0, 0); done {
			return uint32(v)
		}
	}
	return atomic.LoadUint32(&w.v)
}

// Store stores.
//
//go:noinline
func (w *Word32) Store(x uint32) {
	if Hook != nil {
		if _, done := Hook(OpStore, addr(w), 0, uint64(x)); done {
			return
		}
	}
	atomic.StoreUint32(&w.v, x)
}

// CompareAndSwap compares and swaps.
//
//go:noinline
func (w *Word32) CompareAndSwap(old, new uint32) bool {
	if Hook != nil {
		if v, done := Hook(OpSwap, addr(w), uint64(old), uint64(new)); done {
			return v == 1
		}
	}
	return atomic.CompareAndSwapUint32(&w.v, old, new)
}

// Addr is the word's address, for a system call that sleeps on it.
func (w *Word32) Addr() *uint32 { return &w.v }

// A Plain is the scheduled twin of the Plain in plain.go.
type Plain struct{ v uint64 }

// PlainOf is a Plain of one's own that holds x.
func PlainOf(x uint64) Plain { return Plain{x} }

// Get loads the word.
//
//go:noinline
func (p *Plain) Get() uint64 {
	if Hook != nil {
		if v, done := Hook(OpGet, addr(p), 0, 0); done {
			return v
		}
	}
	return p.v
}

// Set stores the word.
//
//go:noinline
func (p *Plain) Set(x uint64) {
	if Hook != nil {
		if _, done := Hook(OpSet, addr(p), 0, x); done {
			return
		}
	}
	p.v = x
}
