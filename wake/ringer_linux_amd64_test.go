//go:build !shmbus_sched

package wake_test

import (
	"context"
	"testing"
	"time"

	"shmbus/internal/fence"
	"shmbus/wake"
	"shmbus/wake/waketest"
)

// TestASleeperThatMayNotFenceWaitsInstead: the bit is cleared all the same, so that ringers fence, and a frame that was there is seen.
func TestASleeperThatMayNotFenceWaitsInstead(t *testing.T) {
	needFences(t)
	asked, allow := fence.Refuse()
	defer allow()
	n, bell := wake.Default(), &waketest.Heap().Bell
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	bell.Calm()
	start := time.Now()
	if err := w.Wait(context.Background(), bell, never, 2*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if bell.Unfenced() || !bell.Asleep() || asked() != 1 || time.Since(start) < time.Millisecond {
		t.Errorf("after %v the bell is %#x; fences were asked for %d times", time.Since(start), bell.Value(), asked())
	}
}
