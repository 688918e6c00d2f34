//go:build linux

package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now is a clock that all processes share, in nanoseconds. It is slow.
func Now() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

// inParts does the rounds from 0 to n in many parts, and reports how long a round of the middle part took: what interrupts some of
// them does not count.
func inParts(n uint64, part func(from, to uint64) error) (report, error) {
	const parts = 64
	var rounds Series
	r := report{Start: Now()}
	for i := range uint64(parts) {
		from, to := n*i/parts, n*(i+1)/parts
		if from == to {
			continue
		}
		start := time.Now()
		if err := part(from, to); err != nil {
			return r, err
		}
		rounds = append(rounds, float64(time.Since(start).Nanoseconds())/float64(to-from))
	}
	r.End, r.Round = Now(), rounds.Median()
	return r, nil
}

// Timing is what it costs to time one round trip and to count it, in nanoseconds. That is a good part of a short one.
func Timing() int64 {
	var h Histogram
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

// AllowedCPUs are the numbers of the CPUs that this process may use.
func AllowedCPUs() (all []int) {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	for i := range 64 * len(set) {
		if set.IsSet(i) {
			all = append(all, i)
		}
	}
	return all
}
