package waketest

import (
	"shmbus/internal/mem"
	"shmbus/wake"
)

// Heap gives out lines of heap memory, for Run: the race detector sees every access to them.
func Heap() *wake.Line {
	lines, err := mem.View[wake.Line](mem.Aligned(64, 64), 0, 1)
	if err != nil {
		panic(err) // 64 bytes on a multiple of 64 are one line
	}
	return &lines[0]
}
