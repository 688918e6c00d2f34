package bus_test

import (
	"errors"
	"testing"
	"time"

	"shmbus/bus"
)

// A subscription whose frames take long tells a publisher that waits of each of them, and not of an eighth of the ring.

// slowly takes and releases what take gives, each taking long, until done says that it is enough, and says how many they were.
func slowly(t *testing.T, take func() (release func()), done func() bool) int {
	t.Helper()
	n := 0
	for ; !done(); n++ {
		if n == 200 {
			t.Fatal("the publisher still waits after 200 were released")
		}
		release := take()
		time.Sleep(2 * time.Millisecond) // not synchronisation: this is the work that takes long
		release()
	}
	return n
}

// oneByOne takes frame after frame.
func oneByOne(t *testing.T, s *bus.Subscriber) func() func() {
	return func() func() { return receive(t, s).Release }
}

// said says whether a publisher has said that all went well.
func said(t *testing.T, got <-chan error) func() bool {
	return func() bool {
		select {
		case err := <-got:
			noError(t, err)
			return true
		default:
			return false
		}
	}
}

// A subscription that reads runs as batches tells of each batch.
func TestASlowSubscriptionTellsOfEachBatch(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", lossless)
	s := subscribe(t, b, "t", bus.Lossless())
	run := runOf(32)
	var err error
	for err == nil {
		_, err = p.PublishBatch(done(), run)
	}
	var batch bus.Batch
	for range 4 { // a quick one until now
		noError(t, s.ReceiveBatch(soon(t), &batch))
	}
	for i := range 5 {
		got := make(chan error, 1)
		go func() {
			_, err := p.PublishBatch(soon(t), run)
			got <- err
		}()
		n := slowly(t, func() func() {
			noError(t, s.ReceiveBatch(soon(t), &batch))
			return batch.Release
		}, said(t, got))
		if n > 20 {
			t.Fatalf("batch %d was published when %d had been released", i, n)
		}
	}
}

func fullOf(t *testing.T, p *bus.Publisher) {
	t.Helper()
	var err error
	for err == nil {
		err = p.TryPublish([]byte("in the way"))
	}
	if !errors.Is(err, bus.ErrBackpressure) {
		t.Fatal(err)
	}
}

func TestASlowSubscriptionTellsWhoeverWaitsOfEachFrame(t *testing.T) {
	b := newBus(t)
	for _, ahead := range []int{0, 1, 40} {
		p := publisher(t, b, "t", lossless)
		s := subscribe(t, b, "t", bus.Lossless())
		fullOf(t, p)
		for range ahead { // a quick one until now, which reads ahead
			receive(t, s).Release()
		}
		fullOf(t, p)
		const frames = 5
		got := make(chan error)
		go func() {
			for range frames {
				got <- p.Publish(soon(t), []byte("waits"))
			}
		}()
		for i := range frames {
			n := slowly(t, oneByOne(t, s), said(t, got))
			if n > 40 {
				t.Errorf("%d frames read ahead: frame %d was published when %d frames had been released", ahead, i, n)
			}
		}
		noError(t, p.Close())
		noError(t, s.Close())
	}
}

func TestASlowSubscriptionTellsWhoeverTries(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", lossless)
	s := subscribe(t, b, "t", bus.Lossless())
	fullOf(t, p)
	for range 20 {
		receive(t, s).Release()
	}
	fullOf(t, p)
	for i := range 5 {
		n := slowly(t, oneByOne(t, s), func() bool { return p.TryPublish([]byte("tries")) == nil })
		if n > 40 {
			t.Errorf("frame %d was published when %d frames had been released", i, n)
		}
	}
}
