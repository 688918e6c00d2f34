//go:build linux && !race

// The race detector has memory of its own for what is read.

package bench

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"shmbus/bus"
)

// TestWhatIsPublishedIsMadeBeforeTheClockRuns: to make a large batch takes much longer than to publish it.
func TestWhatIsPublishedIsMadeBeforeTheClockRuns(t *testing.T) {
	const size, batch = 4096, 16384 // 64 MiB
	topic := bus.TopicOptions{Slots: 64, CellSize: size}
	b, err := bus.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.CreateTopic("t/ping", topic); err != nil {
		t.Fatal(err)
	}
	s := &side{bus: b, ends: make(map[string]*end)}
	act, err := publish(s, order{Topic: "t", Job: Job{Topic: &topic, Size: size, Batch: batch}, N: batch})
	if err != nil {
		t.Fatal(err)
	}
	made, there := allocated(), resident(t)
	if _, err := act(); err != nil {
		t.Fatal(err)
	}
	const little = size * batch / 4
	if n := allocated() - made; n > little {
		t.Errorf("%d bytes were allocated while the clock ran", n)
	}
	if n := resident(t) - there; n > little {
		t.Errorf("the kernel has made %d bytes while the clock ran", n)
	}
}

func allocated() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.TotalAlloc)
}

// resident is how many bytes of memory this process has.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var all, there int
	if _, err := fmt.Sscan(string(text), &all, &there); err != nil {
		t.Fatal(err)
	}
	return there * os.Getpagesize()
}
