//go:build linux && shmbus_sched

package bus_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

// TestAFrameWhosePublisherDiedBeforeTheBell: it was committed, and nobody was woken. It is delivered within 300 ms all the same.
func TestAFrameWhosePublisherDiedBeforeTheBell(t *testing.T) {
	var took []time.Duration
	all := sourceSites(t)
	ring := all[slices.IndexFunc(all, func(s site) bool { return strings.HasPrefix(s.text, "ring: b.word.CompareAndSwap") })].name
	for range 5 {
		dir := newDir(t)
		b := openAt(t, dir)
		keeper := publisher(t, b, "t", losslessRing(64))
		subs := []*bus.Subscriber{
			subscribe(t, b, "t", bus.Lossless(), bus.Block()), subscribe(t, b, "t", bus.Block()), subscribe(t, b, "t", bus.Group("w"), bus.Block()),
			subscribe(t, b, "t", bus.ReadOnly(), bus.Block()),
		}
		publish(t, keeper, "before")
		got := make(chan error)
		for _, s := range subs {
			expect(t, s, "before")
			go func() {
				f, err := s.Receive(soon(t))
				if err == nil && len(f.Bytes()) != 16 {
					err = fmt.Errorf("got %q", f.Bytes())
				}
				got <- err
			}()
		}
		time.Sleep(600 * time.Millisecond) // not synchronisation: by then they sleep, and look seldom
		// The first ring is that of the publisher that opens, the second that of its first frame.
		h := testproc.Start(t, "victim", dir, "once", ring, "2")
		for l := range h.Lines() {
			t.Fatalf("the victim lives, and says %q", l)
		}
		start := time.Now()
		for range subs {
			noError(t, <-got)
		}
		took = append(took, time.Since(start))
		h.Kill()
		for _, s := range subs {
			noError(t, s.Close())
		}
	}
	slices.Sort(took)
	t.Logf("from the end of the publisher to the last delivery: %v", took)
	if m := took[len(took)-1]; m > 300*time.Millisecond {
		t.Errorf("it took %v", m)
	}
}
