//go:build invariants

package bus_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shmbus/bus"
)

// panics is what f panics with; "" if it does not.
func panics(f func()) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = r.(string)
		}
	}()
	f()
	return ""
}

func TestBytesAfterReleasePanics(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", lossless)
	for _, mode := range []bus.SubscribeOption{bus.Lossy(), bus.Lossless(), bus.ReadOnly()} {
		s := subscribe(t, b, "t", mode)
		publish(t, p, "x")
		f := receive(t, s)
		f.Release()
		if text := panics(func() { f.Bytes() }); !strings.Contains(text, "Release") {
			t.Errorf("Bytes after Release panics with %q", text)
		}
		if text := panics(func() { f.Clone() }); !strings.Contains(text, "Release") {
			t.Errorf("Clone after Release panics with %q", text)
		}
	}
}

func TestASubscriberUsedByTwoGoroutinesPanics(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("t", bus.TopicOptions{}))
	inside := make(chan struct{})
	s, err := b.Subscribe(soon(t), "t", bus.OnWait(func() { close(inside) }))
	noError(t, err)
	noError(t, b.RemoveTopic("t"))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		_, err := s.Receive(ctx)
		ended <- err
	}()
	<-inside
	for name, call := range map[string]func(){
		"TryReceive": func() { _, _ = s.TryReceive() },
		"Receive":    func() { _, _ = s.Receive(ctx) },
		"Lost":       func() { s.Lost() },
	} {
		if text := panics(call); !strings.Contains(text, "two goroutines") {
			t.Errorf("%s panics with %q", name, text)
		}
	}
	cancel()
	is(t, <-ended, context.Canceled)
}

func TestAPublisherUsedByTwoGoroutinesPanics(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	gate := subscribe(t, b, "t", bus.Lossless())
	_, err := p.PublishBatch(soon(t), make([][]byte, 8))
	noError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	var caught atomic.Bool
	note := func(text string) { caught.Store(caught.Load() || strings.Contains(text, "two goroutines")) }
	go func() {
		defer close(ended)
		note(panics(func() { _ = p.Publish(ctx, nil) }))
	}()
	eventually(t, 10*time.Second, "one of the two panics", func() bool {
		note(panics(func() { _ = p.TryPublish(nil) }))
		return caught.Load()
	})
	cancel()
	<-ended
	if !caught.Load() {
		t.Error("nobody has panicked")
	}
	noError(t, gate.Close())
}
