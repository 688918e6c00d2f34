//go:build linux

package peers

import (
	"time"

	"golang.org/x/sys/unix"

	"shmbus/internal/bench"
)

// now is a clock that all processes share.
func now() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

// timing is what it costs to time one round trip and to count it, in ns.
func timing() int64 {
	var h bench.Histogram
	const rounds = 256
	least := int64(1 << 62)
	start := time.Now()
	for range 16 {
		first := time.Since(start)
		last := first
		for range rounds {
			t := time.Since(start)
			h.Record(uint64(t - last))
			last = t
		}
		least = min(least, int64(last-first)/rounds)
	}
	return least
}
