//go:build linux && (amd64 || arm64)

package segment

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A mapped file can be cut short by whoever may write to it, and an access to what is gone raises SIGBUS, which ends a program. To be
// ready to recover from it costs more than publishing a frame does. So the signal has a handler here that puts private zeros in the
// place of the page that is gone, and tells those who use the mapping: they look at their notice anyway, and what lies in shared memory
// is not trusted anyway. The handler is a few lines of assembly, because Go code cannot run in the place of a load. It sigbus mappings
// that were given to Mend and no others; every other SIGBUS goes to the handler that was there before, which is the Go runtime's.

// Mends says whether Mend works on this platform. Where it does not, who touches mapped memory recovers from faults, with Guard.
const Mends = true

// A Mend is what the handler knows of a mapping and one of its users. The handler reads it, and stores at and the notice. It never goes: the handler may come by at
// any time, and finds the end 0 while nobody uses it.
type Mend struct {
	next       *Mend   // set once
	first, end uintptr // end is stored last, and loaded first
	notice     *atomic.Uint32
	at         uintptr // address of the last fault; 0: none
}

// mends are all Mends there ever were: those given back are used again.
var mends struct {
	mu    sync.Mutex
	free  []*Mend
	ready error
	once  sync.Once
}

// mending is how many threads go through the Mends in the handler. Package assembly adds 1 before and takes it away after. A Mend that was ended is used again, and
// its notice is forgotten, once it was 0: nobody has what was there in hand then. It pairs with end, which who ends stores before it loads this, and the handler loads after it has
// counted itself.
var mending atomic.Uint32

// firstMend is the newest Mend. Package assembly reads it.
var firstMend *Mend

// mend makes pages of b that are gone private zeros when they are touched. The handler then turns notice from 0 into 1.
func mend(b []byte, notice *atomic.Uint32) (*Mend, error) {
	mends.once.Do(func() { mends.ready = takeSIGBUS() })
	if mends.ready != nil {
		return nil, mends.ready
	}
	first := uintptr(unsafe.Pointer(&b[0]))
	mends.mu.Lock()
	defer mends.mu.Unlock()
	if n := len(mends.free); n > 0 {
		m := mends.free[n-1]
		mends.free = mends.free[:n-1]
		m.at, m.first, m.notice = 0, first, notice
		atomic.StoreUintptr(&m.end, first+uintptr(len(b)))
		return m, nil
	}
	m := &Mend{next: firstMend, first: first, end: first + uintptr(len(b)), notice: notice}
	atomic.StorePointer((*unsafe.Pointer)(unsafe.Pointer(&firstMend)), unsafe.Pointer(m))
	return m, nil
}

// Err is an error, as Fault's, if the handler had something to mend; nil otherwise.
func (m *Mend) Err() error {
	if m == nil || atomic.LoadUintptr(&m.at) == 0 {
		return nil
	}
	return faultAt(atomic.LoadUintptr(&m.at))
}

// End ends the mending. It comes before the end of the mapping. The Mend must not be used any more: it may be another's by then.
func (m *Mend) End() {
	if m == nil {
		return
	}
	mends.mu.Lock()
	defer mends.mu.Unlock()
	if atomic.SwapUintptr(&m.end, 0) == 0 { // no address is below. A swap: qemu-user lets a load pass a store that a real arm64 does not
		return // a Mend must not be given back twice: two would use it
	}
	for mending.Load() != 0 { // some instructions; its thread may have to wait for a CPU
		runtime.Gosched()
	}
	m.notice = nil
	mends.free = append(mends.free, m)
}

// sigaction is the kernel's. On arm64 it has the restorer too, and nobody uses it.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

//lint:ignore U1000 assembly reads it
var pageSize = uintptr(unix.Getpagesize())

// earlierSIGBUS is the handler that was there before. Assembly reads it.
var earlierSIGBUS uintptr //lint:ignore U1000 assembly reads it

// takeSIGBUS puts the handler in front of the one that is there, with that one's flags: stack, restorer and mask stay the runtime's.
func takeSIGBUS() error {
	var a sigaction
	if err := setSignal(unix.SIGBUS, nil, &a); err != nil {
		return err
	}
	if a.handler <= 1 { // none, or ignored
		return fmt.Errorf("segment: nobody handles SIGBUS")
	}
	earlierSIGBUS = a.handler
	a.handler = handlerAddress()
	return setSignal(unix.SIGBUS, &a, nil)
}

// setSignal is rt_sigaction.
func setSignal(sig unix.Signal, to, from *sigaction) error {
	_, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(from)), 8, 0, 0)
	if e != 0 {
		return fmt.Errorf("segment: rt_sigaction: %w", e)
	}
	return nil
}

// sigbus is the handler. Only the kernel calls it.
//
//lint:ignore U1000 assembly defines it
func sigbus()

// handlerAddress is where sigbus lies.
func handlerAddress() uintptr
