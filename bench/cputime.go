//go:build linux

package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the CPU time that all threads of the processes have used since they began. It is read from the clocks that clock_getcpuclockid(3) names, in
// ns: what /proc tells has hundredths of a second.
func cpuTime(pids []int) (sum time.Duration, err error) {
	const scheduled = 2 // the kernel's CPUCLOCK_SCHED, of the whole process
	for _, pid := range pids {
		var t unix.Timespec
		if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
			return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
		}
		sum += time.Duration(t.Nano())
	}
	return sum, nil
}
