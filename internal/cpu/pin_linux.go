package cpu

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Pin ties the calling goroutine to its thread and the thread to the given CPU, until the process ends. CPUs are counted from 0 among
// those that the process may use, and around.
func Pin(n int) error {
	runtime.LockOSThread()
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	n %= all.Count()
	for i := 0; ; i++ {
		if !all.IsSet(i) {
			continue
		}
		if n == 0 {
			var one unix.CPUSet
			one.Set(i)
			return unix.SchedSetaffinity(0, &one)
		}
		n--
	}
}
