//go:build linux

package growth

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"shmbus/internal/mem"
)

const (
	futexWait = 0
	futexWake = 1
)

// waitOn sleeps in the kernel while the lower half of the word, which processes share, is that. The Go scheduler is not told: this is
// what the kernel alone takes.
func waitOn(w *mem.Word, while uint32) {
	_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(w)), futexWait, uintptr(while), 0, 0, 0)
}

// waitTold is waitOn, and the Go scheduler is told, as it must be where as many threads sleep as there are processors for goroutines, or more. It is what the
// bus does as well.
func waitTold(w *mem.Word, while uint32) {
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(w)), futexWait, uintptr(while), 0, 0, 0)
}

// wakeOne wakes who sleeps on the word.
func wakeOne(w *mem.Word) {
	_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(w)), futexWake, 1, 0, 0, 0)
}
