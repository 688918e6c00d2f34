package bus

import (
	"context"
	"runtime"
	"testing"
	"time"

	"shmbus/internal/testproc"
)

// TestAHandleIsClosedWhileItReaps: whoever closes it waits until a line that is being reaped is free. Left to the reaper, who lives, it would hold
// all others up until that one ends. The claim has so many slots that most often the other goroutine is in time.
func TestAHandleIsClosedWhileItReaps(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := testproc.MemoryDir(t)
	open := func() *Bus {
		b, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return b
	}
	holds, reaps := open(), open()
	if err := holds.CreateTopic("t", TopicOptions{Slots: 1 << 16, CellSize: 64, MaxPublishers: 1}); err != nil {
		t.Fatal(err)
	}
	looks, err := holds.Subscribe(ctx, "t", ReadOnly())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		p, err := holds.Publisher("t")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Loan(ctx, p.MaxFrame()); err != nil {
			t.Fatal(err)
		}
		s, err := reaps.Subscribe(ctx, "t", FromOldest())
		if err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		s.port.mu.Lock() // who sweeps looks as well
		s.port.ring.Alive = func(o uint64) bool { return o != p.owner }
		s.port.mu.Unlock()
		s.mu.Unlock()
		self := s.owner
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = s.Receive(ctx)
		}()
		for begun := false; !begun; runtime.Gosched() {
			begun = true
			for _, w := range looks.ring.Writers() {
				begun = w.Owner != p.owner
			}
			if ctx.Err() != nil {
				t.Fatal("nobody reaps")
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		<-done
		for _, w := range looks.ring.Writers() {
			if w.Owner == self {
				t.Fatalf("the line of a closed handle's victim is left to %#x, who lives", w.Owner)
			}
		}
		p.Close()
	}
}
