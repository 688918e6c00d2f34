//go:build !amd64 || race

package mem

import "sync/atomic"

// storeRelease is an atomic store. arm64 has it as one instruction, STLR; the race detector needs to see it.
func storeRelease(p *uint64, x uint64) { atomic.StoreUint64(p, x) }
