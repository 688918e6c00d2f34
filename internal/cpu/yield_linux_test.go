package cpu

import (
	"runtime"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// TestYieldLetsAnotherThreadHaveTheCPU: the kernel counts how often this one has been switched away from, while another one wants the same CPU all the time.
func TestYieldLetsAnotherThreadHaveTheCPU(t *testing.T) {
	if runtime.GOMAXPROCS(0) == 1 {
		t.Skip("two goroutines on threads of their own need GOMAXPROCS above 1")
	}
	var stop atomic.Bool
	begun, done := make(chan error), make(chan struct{})
	defer func() { <-done }()
	defer stop.Store(true)
	go func() {
		defer close(done)
		undo, err := Pin(0)
		begun <- err
		if err != nil {
			return
		}
		defer undo()
		for !stop.Load() {
			Pause(100)
		}
	}()
	if err := <-begun; err != nil {
		t.Fatal(err)
	}
	undo, err := Pin(0)
	if err != nil {
		t.Fatal(err)
	}
	defer undo()
	const want, most = 10, 20_000 // the kernel may let it go on for a while, as it has slept; of itself it would switch after a millisecond or more
	before, n := switches(t), int64(0)
	for range most {
		Yield()
		if n = switches(t) - before; n >= want {
			return
		}
	}
	t.Errorf("another thread was switched to %d times in %d yields", n, most)
}

// switches is how often the kernel has switched from this thread to another.
func switches(t *testing.T) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		t.Fatal(err)
	}
	return u.Nvcsw + u.Nivcsw
}
