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

// A Counter is a word alone in its cache line, for what a bell rings for.
type Counter struct {
	Word mem.Word
	_    [56]byte
}

// Padded makes a Counter of heap memory.
func Padded() *Counter {
	counters, err := mem.View[Counter](mem.Aligned(64, 64), 0, 1)
	if err != nil {
		panic(err) // 64 bytes on a multiple of 64 are one counter
	}
	return &counters[0]
}
