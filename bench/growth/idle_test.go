//go:build linux

package growth

import (
	"errors"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/bench"
)

// TestWhoIsWokenIsNotIdle: alone, and with a WaitSet.
func TestWhoIsWokenIsNotIdle(t *testing.T) {
	for _, waits := range []int{1, 3} {
		b, err := bus.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		a := IdleArgs{Topics: []string{"a", "b", "c"}, Waits: waits}
		in, err := idle(bench.Place{Bus: b, Subscriber: true}, a)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		out, err := idle(bench.Place{Bus: b}, a)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		for _, p := range []bench.Part{in, out} {
			if _, err := p.Go(1); err != nil {
				t.Errorf("%d topics: %v", waits, err)
			}
		}
		pub, err := b.Publisher(a.Topics[waits-1])
		if err != nil {
			t.Fatal(err)
		}
		defer pub.Close()
		if err := pub.Publish(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(end); _, err = in.Go(1) {
			time.Sleep(time.Millisecond) // not synchronisation: it looks again and again
		}
		if !errors.Is(err, errNotIdle) {
			t.Errorf("%d topics: %v", waits, err)
		}
	}
}
