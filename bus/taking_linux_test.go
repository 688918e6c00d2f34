package bus

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"shmbus/internal/cpu"
	"shmbus/internal/mem"
	"shmbus/internal/testproc"
	"shmbus/segment"
)

// taker is a lossless subscription that takes the lines of what it reads, and the publisher of its topic. Both have come over the ring more than once.
func taker(t *testing.T, o TopicOptions) (dir string, p *Publisher, s *Subscriber) {
	t.Helper()
	if !cpu.OwnsLate || !mem.TakesUnchanged {
		t.Skip("on this CPU a subscription does not take lines")
	}
	dir = testproc.MemoryDir(t)
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	o.Policy = PolicyLossless
	if p, err = b.Publisher("t", WithTopic(o)); err != nil {
		t.Fatal(err)
	}
	if s, err = b.Subscribe(t.Context(), "t", Lossless()); err != nil {
		t.Fatal(err)
	}
	lap(t, p, s, o.Slots/2)
	if s.port.tried || s.port.twin.Load() != nil {
		t.Fatal("it takes lines before it has read a ring's worth")
	}
	for end := time.Now().Add(10 * time.Second); s.port.twin.Load() == nil; lap(t, p, s, 1) {
		if time.Now().After(end) {
			t.Fatal("no second mapping after 10 s")
		}
	}
	lap(t, p, s, o.Slots)
	if s.r.MayTake() {
		t.Fatal("it could still begin to take lines")
	}
	return dir, p, s
}

// lap publishes so many small frames and receives them.
func lap(t *testing.T, p *Publisher, s *Subscriber, frames int) {
	t.Helper()
	lapOf(t, p, s, frames, 40)
}

// lapOf is lap for frames of size bytes.
func lapOf(t *testing.T, p *Publisher, s *Subscriber, frames, size int) {
	t.Helper()
	const atOnce = 48 // more than are read at once, so that several are
	b := make([]byte, size)
	for n := 0; n < frames; n += atOnce {
		for i := range min(atOnce, frames-n) {
			binary.NativeEndian.PutUint64(b, uint64(n+i))
			if err := p.Publish(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		for i := range min(atOnce, frames-n) {
			f, err := s.TryReceive()
			if f == nil {
				t.Fatal("no frame, ", err)
			}
			if got := binary.NativeEndian.Uint64(f.Bytes()); got != uint64(n+i) {
				t.Fatalf("frame %d is %d", n+i, got)
			}
			f.Release()
		}
	}
}

func TestASubscriptionThatTakesLinesReadsOn(t *testing.T) {
	for _, o := range []TopicOptions{{Slots: 1024}, {Slots: 1024, NoTime: true}, {Slots: 512, CellSize: 256}, {Slots: 128, NoTime: true, CellSize: 128}} {
		_, p, s := taker(t, o)
		for range 20 {
			lap(t, p, s, o.Slots)
		}
		a := s.port.ring.Areas()
		if !slices.Equal(s.port.twin.Load().m.Bytes(), s.port.m.Bytes()[a.Stamps:a.Size]) {
			t.Errorf("%v: the second mapping is not of the ring's stamps and cells", o)
		}
		if err := p.Publish(t.Context(), []byte("last")); err != nil {
			t.Fatal(err)
		}
		f, err := s.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !faults(func() { f.Bytes()[0] = 'x' }) || string(f.Bytes()) != "last" {
			t.Errorf("%v: a subscription can write to a payload", o)
		}
	}
}

// faults says whether f has a memory fault.
func faults(f func()) (faulted bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { faulted = recover() != nil }()
	f()
	return false
}

// TestLinesOfLargeFramesAndRingsAreNotTaken: what a goroutine has written itself does not come from far away, as long as it stays on its CPU.
func TestLinesOfLargeFramesAndRingsAreNotTaken(t *testing.T) {
	undo, err := cpu.Pin(0)
	if err != nil {
		t.Fatal(err)
	}
	defer undo()
	for _, c := range []struct {
		o    TopicOptions
		size int
	}{{TopicOptions{Slots: 64, CellSize: 512}, 257}, {TopicOptions{Slots: 64, CellSize: 4096}, 4096}, {TopicOptions{Slots: 1024}, 320}, {TopicOptions{Slots: 1 << 19}, 40}} {
		o := c.o
		b, err := Open(testproc.MemoryDir(t))
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		o.Policy = PolicyLossless
		p, err := b.Publisher("t", WithTopic(o))
		if err != nil {
			t.Fatal(err)
		}
		s, err := b.Subscribe(t.Context(), "t", Lossless())
		if err != nil {
			t.Fatal(err)
		}
		lapOf(t, p, s, max(2*o.Slots, 1<<14), c.size) // enough for more looks than decide
		if s.port.tried {
			t.Errorf("%v, frames of %d bytes: lines are taken", o, c.size)
		}
	}
}

// TestAFileThatIsCutShortUnderTheSecondMappingIsMended: the pages that are gone are touched there first.
func TestAFileThatIsCutShortUnderTheSecondMappingIsMended(t *testing.T) {
	dir, p, s := taker(t, TopicOptions{Slots: 1024})
	if err := p.Publish(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "main.seg"), 0); err != nil {
		t.Fatal(err)
	}
	c, err := mem.NewCells(s.port.twin.Load().m.Bytes()[:1<<16], 6)
	if err != nil {
		t.Fatal(err)
	}
	mem.TakeUnchanged(&c, 0, 1024)
	if err := s.port.twin.Load().mend.Err(); !errors.Is(err, segment.ErrTruncated) {
		t.Errorf("mended: %v, want an error that is %q", err, segment.ErrTruncated)
	}
	if _, err := s.Receive(t.Context()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got error %v, want one that is %q", err, ErrCorrupt)
	}
}

// TestABusCanBeClosedWhileLinesAreTaken: the memory goes away under the subscription's goroutine.
func TestABusCanBeClosedWhileLinesAreTaken(t *testing.T) {
	for range 20 {
		_, p, s := taker(t, TopicOptions{Slots: 256})
		var wg sync.WaitGroup
		wg.Go(func() {
			for p.Publish(t.Context(), []byte("x")) == nil {
			}
		})
		frames := make(chan int, 1)
		wg.Go(func() {
			n := 0
			for ; ; n++ {
				f, err := s.Receive(t.Context())
				if err != nil {
					if !errors.Is(err, ErrClosed) || n < 1000 {
						t.Errorf("after %d frames: %v", n, err)
						close(frames)
					}
					return
				}
				f.Release()
				if n == 1000 {
					frames <- n
				}
			}
		})
		<-frames
		if err := s.bus.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	}
}

// TestASubscriptionIsClosedWhileTheSecondMappingIsMade: whichever comes first.
func TestASubscriptionIsClosedWhileTheSecondMappingIsMade(t *testing.T) {
	_, p, s := taker(t, TopicOptions{Slots: 256})
	var wg sync.WaitGroup
	var ports []*port
	for i := range 100 {
		fresh, err := s.bus.Subscribe(t.Context(), "t", Lossless())
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, fresh.port)
		wg.Go(fresh.port.makeTwin)
		if i%2 == 0 {
			runtime.Gosched()
		}
		if err := fresh.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	for _, p := range ports {
		if tw := p.twin.Load(); tw != nil && slices.Max(tw.m.Bytes()) != 0 {
			t.Fatal("the second mapping of a subscription that was closed still has the ring's memory")
		}
	}
	lap(t, p, s, 512)
}

// TestARemovedTopicIsMappedNoSecondTime: its memory may have been given back, and would come back with that.
func TestARemovedTopicIsMappedNoSecondTime(t *testing.T) {
	_, _, s := taker(t, TopicOptions{Slots: 256})
	late, err := s.bus.Subscribe(t.Context(), "t", Lossless())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.bus.RemoveTopic("t"); err != nil {
		t.Fatal(err)
	}
	if late.port.makeTwin(); late.port.twin.Load() != nil {
		t.Error("it was")
	}
}
