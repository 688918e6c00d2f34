package waketest

import (
	"context"
	"errors"
	"testing"
	"time"

	"shmbus/wake"
)

// endings runs the tests about everything that ends a Wait other than what it waits for.
func (s *suite) endings(t *testing.T) {
	for _, strategy := range []wake.Strategy{wake.Block, wake.Adaptive, wake.Spin} {
		t.Run("ADoneContextEndsAWaitOnEntry/"+strategy.String(), func(t *testing.T) { s.doneOnEntry(t, strategy) })
		t.Run("APokeIsKeptForTheNextWait/"+strategy.String(), func(t *testing.T) { s.stickyPoke(t, strategy) })
		t.Run("ADeadlineEndsAWait/"+strategy.String(), func(t *testing.T) { s.deadline(t, strategy) })
		t.Run("AnEarlierContextDoesNotEndAWait/"+strategy.String(), func(t *testing.T) { s.staleContext(t, strategy) })
	}
	t.Run("CancellingWakesAtOnce", func(t *testing.T) {
		s.wakesAtOnce(t, context.Canceled, func(*wake.Waiter) (context.Context, func()) {
			return context.WithCancel(context.Background())
		})
	})
	t.Run("APokeWakesAtOnce", func(t *testing.T) {
		s.wakesAtOnce(t, nil, func(w *wake.Waiter) (context.Context, func()) { return guarded(t), w.Poke })
	})
}

func (s *suite) doneOnEntry(t *testing.T, strategy wake.Strategy) {
	n, line := spyOn(s.backend()), s.memory()
	w := wake.NewWaiter(n, strategy)
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 3 {
		if err := w.Wait(ctx, &line.Bell, never, 0); !errors.Is(err, context.Canceled) {
			t.Fatalf("Wait: %v", err)
		}
	}
	if err := w.Wait(ctx, &line.Bell, func() bool { return true }, 0); err != nil {
		t.Fatalf("Wait with ready true: %v", err)
	}
	if n.sleeps.Load() != 0 {
		t.Fatalf("%d sleeps", n.sleeps.Load())
	}
}

func (s *suite) stickyPoke(t *testing.T, strategy wake.Strategy) {
	n, line := spyOn(s.backend()), s.memory()
	w := wake.NewWaiter(n, strategy)
	defer w.Close()
	w.Poke()
	w.Poke()
	if err := w.Wait(guarded(t), &line.Bell, never, 0); err != nil {
		t.Fatal(err)
	}
	if n.sleeps.Load() != 0 {
		t.Fatal("Wait slept in spite of a poke")
	}
	start := time.Now()
	const limit = 5 * time.Millisecond
	if err := w.Wait(guarded(t), &line.Bell, never, limit); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < limit {
		t.Fatalf("two pokes ended two waits: the second took %v", took)
	}
}

func (s *suite) deadline(t *testing.T, strategy wake.Strategy) {
	line := s.memory()
	w := wake.NewWaiter(s.backend(), strategy)
	defer w.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Millisecond)
	defer cancel()
	if err := w.Wait(ctx, &line.Bell, never, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Wait: %v", err)
	}
}

// staleContext cancels a context while the next one is in use, at every moment that chance offers.
func (s *suite) staleContext(t *testing.T, strategy wake.Strategy) {
	line := s.memory()
	w := wake.NewWaiter(s.backend(), strategy)
	defer w.Close()
	const limit = time.Millisecond
	for i := range 30 {
		old, cancel := context.WithCancel(context.Background())
		if err := w.Wait(old, &line.Bell, never, time.Microsecond); err != nil {
			t.Fatal(err)
		}
		go cancel()
		start := time.Now()
		ctx := guarded(t)
		if i%3 == 0 {
			ctx = context.Background()
		}
		if err := w.Wait(ctx, &line.Bell, never, limit); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < limit {
			t.Fatalf("round %d: the wait ended after %v, with nothing to end it before %v", i, took, limit)
		}
	}
}

// wakesAtOnce ends a sleep in the way that begin gives, and takes the best of a few tries: the machine may be busy with something
// else once, not always.
func (s *suite) wakesAtOnce(t *testing.T, want error, begin func(*wake.Waiter) (context.Context, func())) {
	n, line := spyOn(s.backend()), s.memory()
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	results := make(chan error, 1)
	best := watchdog
	for range 5 {
		for len(n.asleep) > 0 {
			<-n.asleep
		}
		ctx, end := begin(w)
		go func() { results <- w.Wait(ctx, &line.Bell, never, 0) }()
		<-n.asleep
		start := time.Now()
		end()
		if err := within(t, results, "the end of a wait"); !errors.Is(err, want) {
			t.Fatalf("Wait: %v, want %v", err, want)
		}
		best = min(best, time.Since(start))
	}
	t.Logf("woken after %v at best", best)
	if best > atOnce {
		t.Errorf("it took %v at best, want less than %v", best, atOnce)
	}
}
