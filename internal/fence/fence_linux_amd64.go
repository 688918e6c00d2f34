//go:build !shmbus_sched

package fence

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Needed says whether a load may pass the release stores before it.
const Needed = true

// Commands of membarrier(2), linux/membarrier.h; Linux 4.16.
const (
	globalExpedited         = 1 << 1 // a full barrier on all CPUs that run a thread of a process that has registered
	registerGlobalExpedited = 1 << 2
)

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

// Reaches says whether All of any process reaches this one. The first call sees to it that it soon does, if it can be.
func Reaches() bool {
	if !registered.Load() {
		register()
		return false
	}
	return true
}

// All makes all CPUs that run processes which it reaches pass a full barrier. Where the kernel lacks the call, or a filter forbids it, it
// waits much longer than a CPU keeps a store to itself.
func All() {
	if membarrier(globalExpedited) != 0 {
		time.Sleep(time.Millisecond)
	}
}

// membarrier is a variable for tests that refuse it.
var membarrier = func(command uintptr) syscall.Errno {
	_, _, e := unix.Syscall(unix.SYS_MEMBARRIER, command, 0, 0)
	return e
}

// Refuse makes membarrier fail, as a filter does, until it is allowed again; asked says how often it was asked for. It is for tests.
func Refuse() (asked func() int, allow func()) {
	before, n := membarrier, 0
	membarrier = func(uintptr) syscall.Errno { n++; return syscall.ENOSYS }
	return func() int { return n }, func() { membarrier = before }
}
