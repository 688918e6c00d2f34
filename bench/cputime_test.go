//go:build linux

package main

import (
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTheCPUTimeOfProcessesIsThatOfTheirThreads(t *testing.T) {
	runtime.LockOSThread() // the clock below is of the thread that asks
	defer runtime.UnlockOSThread()
	self := []int{os.Getpid()}
	before, err := cpuTime(self)
	if err != nil {
		t.Fatal(err)
	}
	const burnt = 20 * time.Millisecond
	var own unix.Timespec
	for start := time.Duration(0); ; {
		if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &own); err != nil {
			t.Fatal(err)
		}
		switch now := time.Duration(own.Nano()); {
		case start == 0:
			start = now
		case now-start >= burnt:
			after, err := cpuTime(append(self, self...))
			if err != nil {
				t.Fatal(err)
			}
			if got := after/2 - before; got < burnt {
				t.Errorf("%v of CPU time, want at least %v", got, burnt)
			}
			if _, err := cpuTime([]int{1 << 22}); err == nil {
				t.Error("a process that is not there has a CPU time")
			}
			return
		}
	}
}
