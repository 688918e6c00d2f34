package bus_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"shmbus/bus"
)

func TestADroppedSubscriberLetsPublishersGoOn(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	func() {
		s, err := b.Subscribe(soon(t), "t", bus.Lossless())
		noError(t, err)
		publish(t, p, "held")
		if f := receive(t, s); string(f.Bytes()) != "held" {
			t.Errorf("got %q", f.Bytes())
		}
	}()
	n := 1
	for ; n < 100 && p.TryPublish(nil) == nil; n++ {
	}
	if n > 8 {
		t.Logf("it was collected before the ring was full")
	}
	eventually(t, 20*time.Second, "the dropped subscriber's line is free", func() bool {
		runtime.GC()
		return p.TryPublish(nil) == nil
	})
	st, err := b.Stat("t")
	noError(t, err)
	if st.Subscribers != 0 {
		t.Errorf("%d subscribers", st.Subscribers)
	}
}

func TestADroppedPublisherWithALoanLetsOthersGoOn(t *testing.T) {
	b := newBus(t)
	s := subscribeNew(t, b, "t")
	p := publisher(t, b, "t")
	func() {
		q, err := b.Publisher("t")
		noError(t, err)
		loan(t, q, 10).Bytes()[0] = 1
	}()
	publish(t, p, "behind it")
	eventually(t, 20*time.Second, "the dropped loan is out of the way", func() bool {
		runtime.GC()
		f, err := s.TryReceive()
		noError(t, err)
		return f != nil && string(f.Bytes()) == "behind it"
	})
	st, err := b.Stat("t")
	noError(t, err)
	if st.Publishers != 1 {
		t.Errorf("%d publishers, want 1", st.Publishers)
	}
	publish(t, p, "still open")
}

func TestAHandleThatIsUsedIsNotCollected(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(16))
	s := subscribe(t, b, "t", bus.Lossless())
	for range 50 {
		publish(t, p, "x")
		f := receive(t, s)
		runtime.GC()
		if string(f.Bytes()) != "x" {
			t.Fatalf("got %q", f.Bytes())
		}
		f.Release()
		l := loan(t, p, 1)
		runtime.GC()
		l.Bytes()[0] = 'y'
		noError(t, l.Commit())
		expect(t, s, "y")
	}
}

// What is in a WaitSet is woken through lists that the process keeps: they must not keep it.
func TestADroppedWaitSetLetsPublishersGoOn(t *testing.T) {
	for _, closed := range []bool{false, true} {
		b := newBus(t)
		p := publisher(t, b, "t", losslessRing(8))
		_, err := b.Stat("t") // opens what it keeps open
		noError(t, err)
		before := descriptors(t)
		func() {
			other, err := bus.Open(b.Dir())
			noError(t, err)
			s, err := other.Subscribe(soon(t), "t", bus.Lossless())
			noError(t, err)
			var w bus.WaitSet
			w.Add(s)
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			_, _, err = w.Receive(ctx)
			is(t, err, context.DeadlineExceeded)
			if closed {
				noError(t, s.Close())
				noError(t, other.Close())
			}
		}()
		eventually(t, 20*time.Second, "the dropped subscriber's place is free, and its files are closed", func() bool {
			runtime.GC()
			st, err := b.Stat("t")
			noError(t, err)
			return st.Subscribers == 0 && (!closed || descriptors(t) <= before)
		})
		publish(t, p, "goes on")
	}
}
