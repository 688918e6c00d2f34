//go:build !shmbus_sched

package wake

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Commands of membarrier(2), linux/membarrier.h; Linux 4.16.
const (
	globalExpedited         = 1 << 1 // a full barrier on all CPUs that run a thread of a process that has registered
	registerGlobalExpedited = 1 << 2
)

// firstSilence: without bit 31 a look needs a fence.
const firstSilence = noSilence

// calmRings is after how many rings without a sleeper bit 31 is set. To make all pass a fence costs the sleeper about as much as a thousand fences
// cost a ringer, and each CPU on which ringers run an interrupt.
const calmRings = 1024

var (
	registered atomic.Bool
	register   = sync.OnceFunc(func() {
		go func() { // it takes milliseconds
			if membarrier(registerGlobalExpedited) == 0 {
				registered.Store(true)
			}
		}()
	})
)

// canBeFenced says whether fenceAll of any process reaches this one. The first call sees to it that it soon does, if it can be.
func canBeFenced() bool {
	if !registered.Load() {
		register()
		return false
	}
	return true
}

// fenceAll makes all CPUs that run ringers pass a full barrier. Where the kernel lacks the call, or a filter forbids it, it waits much longer than
// a CPU keeps a store to itself.
func fenceAll() {
	if membarrier(globalExpedited) != 0 {
		time.Sleep(time.Millisecond)
	}
}

// membarrier is a variable for a test that refuses it.
var membarrier = func(command uintptr) syscall.Errno {
	_, _, e := unix.Syscall(unix.SYS_MEMBARRIER, command, 0, 0)
	return e
}
