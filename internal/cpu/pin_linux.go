package cpu

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Pin ties the calling goroutine to its thread and the thread to the given CPU, until undo is called by the same goroutine. CPUs are
// counted from 0 among those that the thread may use, and around. Threads and processes started by it inherit the one CPU: a Go
// program started like that takes the machine for one with a single CPU.
func Pin(n int) (undo func(), err error) {
	runtime.LockOSThread()
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	n %= all.Count()
	i := 0
	for ; !all.IsSet(i) || n > 0; i++ {
		if all.IsSet(i) {
			n--
		}
	}
	var one unix.CPUSet
	one.Set(i)
	err = unix.SchedSetaffinity(0, &one)
	return func() {
		_ = unix.SchedSetaffinity(0, &all)
		runtime.UnlockOSThread()
	}, err
}
