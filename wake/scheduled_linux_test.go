//go:build amd64 || arm64

package wake_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/wake"
)

// switches is how often threads of this process gave up their CPU.
func switches(t *testing.T) int64 {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return u.Nvcsw
}

// Short sleeps, one after the other, leave the runtime's monitor alone: without a P after each of them it would be woken, too, and look again and again.
func TestShortSleepsKeepTheirP(t *testing.T) {
	if runtime.GOMAXPROCS(0) == 1 {
		t.Skip("with one P the runtime takes it in each sleep, for others that may want it")
	}
	n, err := wake.FutexOfItsOwn()
	if err != nil {
		t.Skip(err)
	}
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	var line wake.Line
	const sleeps = 500
	least := int64(1 << 62)
	for range 5 { // others of this process may have woken up meanwhile
		before := switches(t)
		for range sleeps {
			if err := w.Wait(context.Background(), &line.Bell, func() bool { return false }, 300*time.Microsecond); err != nil {
				t.Fatal(err)
			}
		}
		if least = min(least, switches(t)-before); least < 2*sleeps {
			return
		}
	}
	t.Errorf("%d sleeps took %d switches: the runtime's monitor is awake", sleeps, least)
}
