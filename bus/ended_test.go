package bus_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"shmbus/bus"
)

// TestFramesEndsSoonAfterItsContext: also where nobody else has a turn of Go's scheduler, and there is always another frame.
func TestFramesEndsSoonAfterItsContext(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, o := range []bus.SubscribeOption{bus.Lossless(), bus.Lossy()} {
		b := newBus(t)
		noError(t, b.CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless}))
		s := subscribe(t, b, "t", o, bus.FromOldest())
		p := publisher(t, b, "t")
		for range 8000 {
			publish(t, p, "x")
		}
		ctx, cancel := context.WithCancel(t.Context())
		n, after, last := 0, 0, error(nil)
		for _, err := range s.Frames(ctx) {
			if last = err; err != nil {
				break
			}
			if n++; n == 100 {
				cancel()
			} else if n > 100 {
				after++
			}
		}
		if after > 64 || !errors.Is(last, context.Canceled) {
			t.Errorf("%d frames came after the context's end, and then %v", after, last)
		}
		cancel()
	}
}

// TestAWaitSetHandsOutWhatIsThereAlsoWhenTheContextIsDone, as Subscriber.Receive does.
func TestAWaitSetHandsOutWhatIsThereAlsoWhenTheContextIsDone(t *testing.T) {
	b := newBus(t)
	p, s, other := publisher(t, b, "t"), subscribe(t, b, "t"), subscribe(t, b, "t")
	done, cancel := context.WithCancel(t.Context())
	cancel()
	var w bus.WaitSet
	w.Add(s)
	w.Add(other)
	for range 100 {
		if _, f, err := w.Receive(done); f != nil || !errors.Is(err, context.Canceled) { // from here on the set waits for both
			t.Fatalf("of nothing came frame %v and error %v", f, err)
		}
		publish(t, p, "x")
		for range 2 {
			_, f, err := w.Receive(done)
			noError(t, err)
			f.Release()
		}
	}
}

// TestABusThatIsClosedHasNoFilesOpen, also where what was opened from it is not closed, nor collected.
func TestABusThatIsClosedHasNoFilesOpen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the files that a process has open are not listed here")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	files := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		noError(t, err)
		return len(all)
	}
	dir := newDir(t)
	noError(t, openAt(t, dir).CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless}))
	before := 0
	for i := range 10 {
		b, err := bus.Open(dir)
		noError(t, err)
		p, err := b.Publisher("t")
		noError(t, err)
		for _, o := range []bus.SubscribeOption{bus.Lossy(), bus.ReadOnly(), bus.Group("g")} {
			s, err := b.Subscribe(t.Context(), "t", o)
			noError(t, err)
			defer runtime.KeepAlive(s)
		}
		noError(t, p.TryPublish([]byte("x")))
		noError(t, b.Close())
		is(t, p.TryPublish([]byte("x")), bus.ErrClosed)
		noError(t, p.Close())
		if now := files(); i == 0 {
			before = now
		} else if now > before {
			t.Fatalf("%d files are open, %d were", now, before)
		}
	}
}
