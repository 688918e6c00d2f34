package waketest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"shmbus/wake"
)

const (
	watchdog = 30 * time.Second      // ends a hanging test
	atOnce   = 50 * time.Millisecond // what a person would not notice
)

// spy counts the calls of a Notifier.
type spy struct {
	wake.Notifier
	sleeps, wakes atomic.Int64
	asleep        chan struct{} // gets a value before a sleep, if there is room
	before        func()        // runs before every sleep, if not nil
}

func spyOn(n wake.Notifier) *spy { return &spy{Notifier: n, asleep: make(chan struct{}, 1)} }

func (s *spy) Sleep(bell *wake.Bell, value uint32, poke *wake.Poke, limit time.Duration) error {
	s.sleeps.Add(1)
	if s.before != nil {
		s.before()
	}
	select {
	case s.asleep <- struct{}{}:
	default:
	}
	return s.Notifier.Sleep(bell, value, poke, limit)
}

func (s *spy) Wake(bell *wake.Bell) error {
	s.wakes.Add(1)
	return s.Notifier.Wake(bell)
}

// guarded is a context that ends a test that hangs, and fails it.
func guarded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	t.Cleanup(cancel)
	return ctx
}

// never is what nobody waits for in vain but a test.
func never() bool { return false }

// within waits for a result of a goroutine.
func within(t *testing.T, results <-chan error, what string) error {
	t.Helper()
	select {
	case err := <-results:
		return err
	case <-time.After(watchdog):
		t.Fatalf("%s: nothing happened for %v", what, watchdog)
		return nil
	}
}
