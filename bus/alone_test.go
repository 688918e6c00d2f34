package bus

import (
	"context"
	"runtime"
	"testing"
	"time"

	"shmbus/internal/testproc"
	"shmbus/wake"
)

// lonely is a subscription on a topic without publishers, in its long sleep, and what it receives in the end.
func lonely(t *testing.T, hinted bool, opts ...SubscribeOption) (b *Bus, s *Subscriber, got <-chan error) {
	t.Helper()
	b, err := Open(testproc.MemoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if err := b.CreateTopic("t", TopicOptions{Policy: PolicyLossless}); err != nil {
		t.Fatal(err)
	}
	if s, err = b.Subscribe(t.Context(), "t", append(opts, Block())...); err != nil {
		t.Fatal(err)
	}
	b.hinted.Store(hinted)
	s.waited, s.patience = s.r.Position(), sweepAlone // it has waited for some seconds
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := make(chan error, 1)
	go func() {
		_, err := s.Receive(ctx)
		c <- err
	}()
	return b, s, c
}

// asleepOn waits until somebody sleeps on the bell whose value was another one before.
func asleepOn(t *testing.T, bell *wake.Bell, before uint32) uint32 {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !bell.Asleep() || bell.Value() == before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("nobody goes to sleep")
		}
	}
	return bell.Value()
}

// mute makes the publisher one that is stopped, each time, before it wakes anybody.
func mute(p *Publisher) { p.w.Bell = wake.NewRinger(new(wake.Bell), p.notify) }

// TestAFrameOfAFirstPublisherThatIsStoppedBeforeTheBellIsSeenSoon, though its subscription slept for ten while nobody could publish: the ring of the
// publisher that opens tells it that there is somebody. Without hints at deaths it looks as soon as it promises, for he may be dead.
func TestAFrameOfAFirstPublisherThatIsStoppedBeforeTheBellIsSeenSoon(t *testing.T) {
	for name, c := range map[string]struct {
		hinted bool
		most   time.Duration
	}{"hinted": {true, sweepMost}, "without hints": {false, sweepFirst}} {
		for mode, opt := range map[string]SubscribeOption{"lossy": func(*subscribeConfig) {}, "lossless": Lossless(), "member": Group("g")} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				b, s, got := lonely(t, c.hinted, opt)
				before := asleepOn(t, s.data, 0)
				p, err := b.Publisher("t")
				if err != nil {
					t.Fatal(err)
				}
				asleepOn(t, s.data, before)
				mute(p)
				start := time.Now()
				if err := p.Publish(t.Context(), []byte("x")); err != nil {
					t.Fatal(err)
				}
				if err := <-got; err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took > c.most+500*time.Millisecond {
					t.Errorf("after %v", took)
				}
			})
		}
	}
}

// TestASleepIsAsLongAsWhatTheSleeperWaitsForAllows, whatever it was when the sleep began.
func TestASleepIsAsLongAsWhatTheSleeperWaitsForAllows(t *testing.T) {
	b, s, got := lonely(t, true)
	asleepOn(t, s.data, 0)
	other, err := b.Subscribe(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	most := func(what string, left, want time.Duration) {
		t.Helper()
		if d := other.waiter.Most(left); d != want {
			t.Errorf("%s: of %v left it sleeps %v, want %v", what, left, d, want)
		}
	}
	most("nobody publishes", sweepAlone, sweepAlone)
	p, err := b.Publisher("t")
	if err != nil {
		t.Fatal(err)
	}
	most("somebody may publish", sweepAlone, sweepMost)
	b.hinted.Store(false)
	most("and nothing would tell of its death", sweepAlone, sweepFirst)
	b.hinted.Store(true)
	l, err := p.Loan(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	most("something is claimed", sweepAlone, stuckEvery)
	most("something is claimed", time.Millisecond, time.Millisecond)
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
}

// TestWhoSpinsLooksOftenForWhatNobodyRingsFor: no ring cuts its wait short.
func TestWhoSpinsLooksOftenForWhatNobodyRingsFor(t *testing.T) {
	b, _, _ := lonely(t, true)
	s, err := b.Subscribe(t.Context(), "t", Spin())
	if err != nil {
		t.Fatal(err)
	}
	s.waited, s.patience = s.r.Position(), time.Millisecond
	if err := s.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.patience > sweepFirst {
		t.Errorf("it looks after %v", s.patience)
	}
}
