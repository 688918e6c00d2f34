package clock

import (
	"os"
	"strings"
	"sync"
)

// Now is the wall clock in Unix nanoseconds. It is assembly because a call of another function costs as much as all else but reading the
// counter.
//
//go:noescape
func Now(c *Clock) int64

var _ = slow // Now calls it

// ticks is the time stamp counter.
//
//go:noescape
func ticks() uint64

// invariant says whether the counter runs at one rate in all states of the CPU.
//
//go:noescape
func invariant() bool

// trusted says whether the counter is good enough: the CPU says so, and the kernel, which compares the counters of all CPUs, uses it
// for its own clock.
var trusted = sync.OnceValue(func() bool {
	if !invariant() {
		return false
	}
	b, err := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	if err != nil {
		return false
	}
	s := strings.TrimSpace(string(b))
	return s == "tsc" || s == "kvm-clock"
})
