package bus_test

import (
	"context"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/segment"
)

// at once: waking, on a machine with other work to do.
const atOnce = 50 * time.Millisecond

func TestEveryCallThatWaitsEndsWithItsContextAtOnce(t *testing.T) {
	b := newBus(t)
	full := publisher(t, b, "full", losslessRing(8))
	gate := subscribe(t, b, "full", bus.Lossless())
	_, err := full.PublishBatch(soon(t), make([][]byte, 8))
	noError(t, err)
	noError(t, b.CreateTopic("open", bus.TopicOptions{Slots: 8}))
	opened, behind := publisher(t, b, "open"), publisher(t, b, "open")
	l := loan(t, opened, 1)
	_, err = behind.PublishBatch(soon(t), make([][]byte, 7))
	noError(t, err)
	quiet := publisher(t, b, "quiet", lossless)
	sub := func(topic string, opts ...bus.SubscribeOption) *bus.Subscriber {
		return subscribe(t, b, topic, opts...)
	}
	gone := sub("quiet", bus.WaitForTopic())
	stuck := sub("open", bus.FromOldest())
	adaptive, spin, block, tap := sub("quiet"), sub("quiet", bus.Spin()), sub("quiet", bus.Block()), sub("quiet", bus.ReadOnly())
	receiveFrom := func(s *bus.Subscriber) func(context.Context) error {
		return func(ctx context.Context) error { _, err := s.Receive(ctx); return err }
	}
	calls := map[string]func(context.Context) error{
		"Publish behind a gate":          func(ctx context.Context) error { return full.Publish(ctx, nil) },
		"PublishBatch behind a gate":     func(ctx context.Context) error { _, err := full.PublishBatch(ctx, make([][]byte, 2)); return err },
		"Loan behind a gate":             func(ctx context.Context) error { _, err := full.Loan(ctx, 1); return err },
		"Encode behind a gate":           func(ctx context.Context) error { return full.Encode(ctx, 1) },
		"Publish behind an open loan":    func(ctx context.Context) error { return behind.Publish(ctx, nil) },
		"Receive":                        receiveFrom(adaptive),
		"Receive, spinning":              receiveFrom(spin),
		"Receive, blocking":              receiveFrom(block),
		"Receive of a tap":               receiveFrom(tap),
		"Receive behind an open loan":    receiveFrom(stuck),
		"Subscribe to what is not there": func(ctx context.Context) error { _, err := b.Subscribe(ctx, "none", bus.WaitForTopic()); return err },
	}
	try := func(name string, call func(context.Context) error) {
		t.Helper()
		best := time.Hour
		for range 5 { // the machine is shared: the best of a few
			ctx, cancel := context.WithCancel(context.Background())
			result := make(chan error, 1)
			go func() { result <- call(ctx) }()
			pause(20 * time.Millisecond) // it may sleep by now, or not yet: both must do
			start := time.Now()
			cancel()
			is(t, <-result, context.Canceled)
			if best = min(best, time.Since(start)); best < atOnce {
				break
			}
		}
		if best > atOnce {
			t.Errorf("%s ended %v after its context", name, best)
		}
		is(t, call(done()), context.Canceled)
	}
	for name, call := range calls {
		try(name, call)
	}
	noError(t, quiet.Close())
	noError(t, b.RemoveTopic("quiet"))
	try("Receive from a removed topic", receiveFrom(gone))
	l.Abort()
	for range 8 {
		receive(t, gate).Release()
	}
	publish(t, full, "goes on")
	expect(t, gate, "goes on")
}

func TestAHeldDirectoryLockHoldsUpNothingElse(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	lock, err := segment.LockDir(soon(t), b.Dir(), segment.Options{})
	noError(t, err)
	result := make(chan error, 2)
	go func() { result <- b.CreateTopic("new", bus.TopicOptions{}) }()
	go func() { result <- b.RemoveTopic("t") }()
	pause(20 * time.Millisecond)
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err = b.Subscribe(ctx, "none", bus.WaitForTopic())
	is(t, err, context.DeadlineExceeded)
	s := subscribe(t, b, "t")
	publish(t, p, "x")
	expect(t, s, "x")
	noError(t, s.Close())
	_, err = b.Topics()
	noError(t, err)
	noError(t, b.Close())
	for range 2 {
		is(t, <-result, bus.ErrClosed)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	noError(t, lock.Unlock())
}
