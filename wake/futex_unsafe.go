//go:build linux && (amd64 || arm64)

package wake

import (
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"shmbus/internal/mem"
)

// Whose word it is. A shared futex is known to the kernel by file and offset, or by process and address for private memory; a
// private one by process and address only, which is quicker.
const (
	shared  = 0
	private = 128 // FUTEX_PRIVATE_FLAG, FUTEX2_PRIVATE

	opWait  = 0 // FUTEX_WAIT
	opWake  = 1 // FUTEX_WAKE
	sizeU32 = 2 // FUTEX2_SIZE_U32

	everybody = 1<<31 - 1
)

// waitEntry is struct futex_waitv of linux/futex.h.
type waitEntry struct {
	value uint64
	addr  uint64
	flags uint32
	_     uint32
}

// futexWaitv sleeps on the bell and on two private words until deadline (CLOCK_MONOTONIC).
func futexWaitv(bell *mem.Word32, value uint32, own *mem.Word32, ownValue uint32, call *mem.Word32, callValue uint32, deadline time.Duration) syscall.Errno {
	return waitv(uintptr(unsafe.Pointer(bell.Addr())), value, uintptr(unsafe.Pointer(own.Addr())), ownValue,
		uintptr(unsafe.Pointer(call.Addr())), callValue, deadline)
}

// waitv holds addresses as numbers; the directive keeps what they point to on the heap, and alive, for the time of the call.
//
//go:uintptrescapes
func waitv(bell uintptr, value uint32, own uintptr, ownValue uint32, call uintptr, callValue uint32, deadline time.Duration) syscall.Errno {
	words := [...]waitEntry{
		{value: uint64(ownValue), addr: uint64(own), flags: sizeU32 | private},
		{value: uint64(value), addr: uint64(bell), flags: sizeU32 | shared},
		{value: uint64(callValue), addr: uint64(call), flags: sizeU32 | private},
	}
	until := unix.NsecToTimespec(int64(deadline))
	_, _, e := syscall.Syscall6(unix.SYS_FUTEX_WAITV, uintptr(unsafe.Pointer(&words[0])), uintptr(len(words)), 0,
		uintptr(unsafe.Pointer(&until)), unix.CLOCK_MONOTONIC, 0)
	return e
}

// futexWaitMany sleeps on the bells and on the private word. Their addresses are numbers to the compiler: the arguments keep them alive. A
// bell may be unmapped meanwhile: nothing here touches it, not even to see that it is not nil, as taking the address of its word would.
func futexWaitMany(bells []*Bell, values []uint32, own *mem.Word32, ownValue uint32) syscall.Errno {
	var words [watchMax + 1]waitEntry
	words[0] = waitEntry{value: uint64(ownValue), addr: uint64(uintptr(unsafe.Pointer(own.Addr()))), flags: sizeU32 | private}
	for i, b := range bells {
		words[i+1] = waitEntry{value: uint64(values[i]), addr: uint64(uintptr(unsafe.Pointer(b))), flags: sizeU32 | shared}
	}
	_, _, e := syscall.Syscall6(unix.SYS_FUTEX_WAITV, uintptr(unsafe.Pointer(&words[0])), uintptr(len(bells)+1), 0, 0, 0, 0)
	runtime.KeepAlive(bells)
	runtime.KeepAlive(own)
	return e
}

// futexWait sleeps on one word for at most limit.
func futexWait(word *mem.Word32, value uint32, whose uintptr, limit time.Duration) syscall.Errno {
	ts := unix.NsecToTimespec(int64(limit))
	_, _, e := syscall.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word.Addr())), opWait|whose, uintptr(value),
		uintptr(unsafe.Pointer(&ts)), 0, 0)
	return e
}

// futexWake wakes all sleepers of one word. It never blocks, so the scheduler need not know of it.
func futexWake(word *mem.Word32, whose uintptr) syscall.Errno {
	_, _, e := syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word.Addr())), opWake|whose, everybody, 0, 0, 0)
	return e
}

// kernelMonotonic is CLOCK_MONOTONIC by system call.
func kernelMonotonic() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
