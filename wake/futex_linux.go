//go:build linux && (amd64 || arm64)

package wake

import (
	"fmt"
	"sync"
	"syscall"
	"time"
)

const (
	sliceLimit = 20 * time.Millisecond // without futex_waitv: how late a poke may be seen
	longSleep  = time.Hour             // keeps absolute times far from overflow; sleepers look again after it
)

// showEvery is how often a sleeper goes through Go's scheduler before it sleeps. The runtime's monitor takes the P of a goroutine that it finds in a system call,
// however short that is, when it has not seen it scheduled for 10 ms, as if it had to be preempted; and a loop of receives and sleeps is never scheduled. To be
// without a P when the sleep ends is to look for one, and mostly to wake the monitor by a system call, which then looks every 20 µs: with a sleep each 0.2 ms that
// is three quarters of the CPU that sleeping and being woken takes. It does so only where a P is left for all others, though: where each one belongs to a sleeper, who
// wants one waits for the monitor, which has become slow.
// Nor for one that does not sleep often: as long as somebody has a P, the monitor does not rest, and looks fifty times after it was woken.
const (
	showEvery = 5 * time.Millisecond
	often     = showEvery / 2 // from one sleep to the next
)

// futex sleeps on the bell and, with futex_waitv (Linux 5.16), on the poke word at the same time. Without it the sleep is
// cut in slices, and each sleeper has a thread.
type futex struct {
	waitv bool
	most  int32 // so many sleep on threads of their own, the others in the crowd
	crowd crowd
}

// probeFutex asks the kernel once which calls it has and allows: both are called so that they must answer EAGAIN.
var probeFutex = sync.OnceValues(func() (*futex, error) {
	p := NewPoke()
	if e := futexWait(&p.word, 1, private, time.Millisecond); e != syscall.EAGAIN {
		return nil, fmt.Errorf("wake: the futex system call does not work here: %w", e)
	}
	e := futexWaitv(&p.word, 0, &p.word, 1, &p.word, 0, 0)
	return &futex{waitv: e == syscall.EAGAIN, most: direct}, nil
})

// Futex is the Linux backend. The error says that this system has no futex, or that a filter forbids it.
func Futex() (Notifier, error) {
	f, err := probeFutex()
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (f *futex) Name() string { return "futex" }

func (f *futex) Polls() bool { return false }

func (f *futex) Sleep(bell *Bell, value uint32, poke *Poke, limit time.Duration) error {
	if poke.Pending() {
		return nil
	}
	if limit <= 0 || limit > longSleep {
		limit = longSleep
	}
	if f.waitv {
		if bell == nil || !f.crowd.admit(f.most) {
			f.crowd.sleep(bell, value, poke, limit)
			return nil
		}
		defer f.crowd.own.Add(-1)
	}
	f.crowd.show(poke)
	own, threads := poke.word.Load(), f.crowd.threads.Load()
	if own&pending != 0 || threads > 1 {
		return nil
	}
	var e syscall.Errno
	switch {
	case f.waitv:
		e = futexWaitv(&bell.word, value, &poke.word, own, &f.crowd.threads, threads, monotonic()+limit)
	case bell != nil:
		e = futexWait(&bell.word, value, shared, min(limit, sliceLimit))
	default:
		e = futexWait(&poke.word, own, private, limit)
	}
	return woken(e, bell)
}

// woken is the error of a sleep that ended so. Where the bell's memory is gone a load of it says more, by a memory fault, for which the caller is prepared.
func woken(e syscall.Errno, bell *Bell) error {
	switch e {
	case 0, syscall.EAGAIN, syscall.EINTR, syscall.ETIMEDOUT:
		return nil
	case syscall.EFAULT:
		if bell != nil {
			_ = bell.Value()
			return nil
		}
	}
	return fmt.Errorf("wake: futex wait: %w", e)
}

func (f *futex) Wake(bell *Bell) error {
	if e := futexWake(&bell.word, shared); e != 0 {
		return fmt.Errorf("wake: futex wake: %w", e)
	}
	return nil
}

func (f *futex) WakePoke(p *Poke) error {
	p.wakeUp()
	if e := futexWake(&p.word, private); e != 0 {
		return fmt.Errorf("wake: futex wake of the own process: %w", e)
	}
	return nil
}

// The kernel's monotonic clock, without a system call: time.Since reads the same clock from the vDSO, only from another zero.
var (
	clockZero   time.Time
	clockOffset time.Duration
	clockOnce   sync.Once
)

// monotonic is CLOCK_MONOTONIC now, some µs late at most.
func monotonic() time.Duration {
	clockOnce.Do(func() {
		clockZero = time.Now()
		clockOffset = kernelMonotonic()
	})
	return clockOffset + time.Since(clockZero)
}
