package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"shmbus/bus"
)

func TestAFrameArrivesAsItWasPublished(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "sensors/imu/0")
	for _, mode := range []struct {
		name string
		opt  bus.SubscribeOption
	}{{"lossy", bus.Lossy()}, {"read-only", bus.ReadOnly()}} {
		s := subscribe(t, b, "sensors/imu/0", mode.opt)
		before := time.Now()
		publish(t, p, "hello")
		f := receive(t, s)
		if string(f.Bytes()) != "hello" || string(f.Clone()) != "hello" {
			t.Errorf("%s: got %q", mode.name, f.Bytes())
		}
		if f.Topic() != "sensors/imu/0" || s.Topic() != f.Topic() || p.Topic() != f.Topic() {
			t.Errorf("%s: topic %q", mode.name, f.Topic())
		}
		if f.Kind() != bus.KindRaw {
			t.Errorf("%s: kind %v", mode.name, f.Kind())
		}
		if f.Publisher() != p.ID() || p.ID() == 0 {
			t.Errorf("%s: publisher %d, want %d", mode.name, f.Publisher(), p.ID())
		}
		if late := f.Time().Sub(before); late < -100*time.Millisecond || late > 10*time.Second {
			t.Errorf("%s: its time is %v after it was published", mode.name, late)
		}
		f.Release()
		f.Release() // does nothing
		nothing(t, s)
	}
}

func TestSequencesCountEachPublisherFromOne(t *testing.T) {
	b := newBus(t)
	p, q := publisher(t, b, "t"), publisher(t, b, "t")
	if p.ID() == q.ID() {
		t.Fatalf("two publishers have the id %d", p.ID())
	}
	s := subscribe(t, b, "t")
	publish(t, p, "a")
	publish(t, q, "b", "c")
	publish(t, p, "d")
	last := uint64(0)
	for i, want := range []struct{ id, seq uint64 }{{p.ID(), 1}, {q.ID(), 1}, {q.ID(), 2}, {p.ID(), 2}} {
		f := receive(t, s)
		if f.Publisher() != want.id || f.Sequence() != want.seq {
			t.Errorf("frame %d is number %d of publisher %d, want %d of %d", i, f.Sequence(), f.Publisher(), want.seq, want.id)
		}
		if i > 0 && f.Position() <= last {
			t.Errorf("frame %d: position %d after %d", i, f.Position(), last)
		}
		last = f.Position()
		f.Release()
	}
}

func TestIdsOfPublishersAreNeverUsedAgain(t *testing.T) {
	b := newBus(t)
	s := subscribeNew(t, b, "t")
	seen := map[uint64]bool{}
	for range 200 { // more than there are places
		p := publisher(t, b, "t")
		if seen[p.ID()] {
			t.Fatalf("id %d was used before", p.ID())
		}
		seen[p.ID()] = true
		publish(t, p, "x")
		f := receive(t, s)
		if f.Publisher() != p.ID() || f.Sequence() != 1 {
			t.Fatalf("got frame %d of %d, want 1 of %d", f.Sequence(), f.Publisher(), p.ID())
		}
		f.Release()
		noError(t, p.Close())
		noError(t, p.Close())
	}
}

// subscribeNew makes the topic and subscribes to it.
func subscribeNew(t testing.TB, b *bus.Bus, topic string, opts ...bus.SubscribeOption) *bus.Subscriber {
	t.Helper()
	noError(t, b.CreateTopic(topic, bus.TopicOptions{}))
	return subscribe(t, b, topic, opts...)
}

func TestNoTimeLeavesTheTimeOut(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{NoTime: true}))
	s := subscribe(t, b, "t")
	publish(t, p, "x")
	f := receive(t, s)
	if !f.Time().IsZero() {
		t.Errorf("time %v, want none", f.Time())
	}
	f.Release()
}

func TestFramesOfEverySizeUpToTheLargest(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{Slots: 16, CellSize: 64}))
	if p.MaxFrame() != 8*64 {
		t.Fatalf("the largest frame has %d bytes, want 512", p.MaxFrame())
	}
	s := subscribe(t, b, "t")
	for n := range p.MaxFrame() + 1 {
		want := bytes.Repeat([]byte{byte(n), byte(n >> 8), 7}, n/3+1)[:n]
		noError(t, p.Publish(soon(t), want))
		f := receive(t, s)
		if !bytes.Equal(f.Bytes(), want) {
			t.Fatalf("a frame of %d bytes came as %d others", n, len(f.Bytes()))
		}
		f.Release()
	}
	for _, n := range []int{513, 1024, 1 << 20} {
		big := make([]byte, n)
		is(t, p.Publish(soon(t), big), bus.ErrFrameTooLarge, `"t"`, fmt.Sprint(n), "512", "Slots")
		is(t, p.TryPublish(big), bus.ErrFrameTooLarge)
		_, err := p.Loan(soon(t), n)
		is(t, err, bus.ErrFrameTooLarge, `"t"`)
		done, err := p.PublishBatch(soon(t), [][]byte{{1}, big, {2}})
		is(t, err, bus.ErrFrameTooLarge)
		if done != 1 {
			t.Errorf("%d of the batch were published, want 1", done)
		}
		expect(t, s, "\x01")
	}
	nothing(t, s)
}

func TestATopicOfTheDefaultShapeTakesAQuarterMegabyte(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	if p.MaxFrame() != 256<<10 {
		t.Fatalf("the largest frame has %d bytes, want 256 KiB", p.MaxFrame())
	}
	st, err := b.Stat("t")
	noError(t, err)
	if st.Slots != 8192 || st.CellSize != 64 || st.MaxPublishers != 64 || st.MaxSubscribers != 64 || st.Policy != bus.PolicyOverwrite {
		t.Errorf("the default shape is %+v", st.TopicInfo)
	}
}

func TestTryPublishSaysBackpressureAndPublishesLater(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	s := subscribe(t, b, "t", bus.Lossless())
	n := 0
	var err error
	for ; n < 100; n++ {
		if err = p.TryPublish([]byte{byte(n)}); err != nil {
			break
		}
	}
	is(t, err, bus.ErrBackpressure, `"t"`, "Publish")
	if n != 8 {
		t.Errorf("%d frames fit in a ring of 8 slots", n)
	}
	for i := range 8 {
		expect(t, s, string([]byte{byte(i)}))
		noError(t, p.TryPublish([]byte{byte(8 + i)}))
	}
}

func TestWithoutALosslessSubscriptionALosslessTopicOverwrites(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	s := subscribe(t, b, "t")
	for i := range 1000 {
		noError(t, p.TryPublish([]byte(fmt.Sprint(i))))
	}
	got := uint64(0)
	for f, err := s.TryReceive(); f != nil; f, err = s.TryReceive() {
		noError(t, err)
		f.Release()
		got++
	}
	if got+s.Lost() != 1000 || s.Lost() == 0 {
		t.Errorf("%d received and %d lost of 1000", got, s.Lost())
	}
}

func TestBatchesArriveInOrderAcrossWraps(t *testing.T) {
	for _, slots := range []int{4, 16, 128} {
		t.Run(fmt.Sprint(slots, " slots"), func(t *testing.T) {
			b := newBus(t)
			p := publisher(t, b, "t", losslessRing(slots))
			s := subscribe(t, b, "t", bus.Lossless())
			total := 300
			batch := make([][]byte, total)
			for i := range batch {
				batch[i] = bytes.Repeat([]byte{byte(i)}, i*13%p.MaxFrame())
			}
			result := make(chan error, 1)
			go func() {
				n, err := p.PublishBatch(soon(t), batch)
				if err == nil && n != total {
					err = fmt.Errorf("%d published", n)
				}
				result <- err
			}()
			for i, want := range batch {
				f := receive(t, s)
				if !bytes.Equal(f.Bytes(), want) || f.Sequence() != uint64(i+1) {
					t.Fatalf("frame %d: %d bytes, number %d; want %d bytes", i, len(f.Bytes()), f.Sequence(), len(want))
				}
				f.Release()
			}
			noError(t, <-result)
			if n, err := p.PublishBatch(soon(t), nil); n != 0 || err != nil {
				t.Errorf("an empty batch: %d, %v", n, err)
			}
		})
	}
}

func TestAFullRingEndsABatchWithTheContext(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	s := subscribe(t, b, "t", bus.Lossless())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	n, err := p.PublishBatch(ctx, make([][]byte, 20))
	is(t, err, context.DeadlineExceeded, `"t"`, "room")
	if n != 8 {
		t.Errorf("%d published in a ring of 8 slots", n)
	}
	for range n {
		expect(t, s, "")
	}
	nothing(t, s)
}

func TestErrClosedIsTheSystemsOwn(t *testing.T) {
	if !errors.Is(bus.ErrClosed, os.ErrClosed) {
		t.Error("it is not")
	}
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	noError(t, p.Close())
	noError(t, s.Close())
	is(t, p.Publish(soon(t), nil), os.ErrClosed, `"t"`)
	is(t, p.TryPublish(nil), bus.ErrClosed, `"t"`)
	is(t, p.Encode(soon(t), 1), bus.ErrClosed, `"t"`)
	_, err := p.PublishBatch(soon(t), [][]byte{nil})
	is(t, err, bus.ErrClosed, `"t"`)
	_, err = p.Loan(soon(t), 1)
	is(t, err, bus.ErrClosed, `"t"`)
	_, err = s.Receive(soon(t))
	is(t, err, bus.ErrClosed, `"t"`)
	_, err = s.TryReceive()
	is(t, err, bus.ErrClosed, `"t"`)
	for _, err := range s.Frames(soon(t)) {
		is(t, err, bus.ErrClosed, `"t"`)
	}
}
