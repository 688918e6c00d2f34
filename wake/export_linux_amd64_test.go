//go:build !shmbus_sched

package wake

import (
	"syscall"
	"testing"
)

// RefuseFences makes membarrier fail for the time of a test, as a filter does, and says how often it was asked for.
func RefuseFences(t *testing.T) (asked func() int) {
	before, n := membarrier, 0
	membarrier = func(uintptr) syscall.Errno { n++; return syscall.ENOSYS }
	t.Cleanup(func() { membarrier = before })
	return func() int { return n }
}
