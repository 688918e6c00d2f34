package wake

import (
	"context"
	"sync"
	"time"
)

// A Set is many sleepers in one goroutine: Waiters that are armed with it wait together. It and its Waiters are for one goroutine at
// a time. The zero Set is ready to use.
type Set struct {
	mu     sync.Mutex
	hits   []*Poke       // of those that were woken; guarded by mu
	signal chan struct{} // there are some

	// For the goroutine.
	armed map[*Poke]*Waiter
	polls map[*Waiter]bool // those of armed that nobody wakes
	idle  time.Duration    // polled in vain so far
	timer *time.Timer
	woken []*Waiter
	seen  []*Poke // hits that are looked at
}

// sleepers are the backends that can have a sleeper on a bell without a goroutine that sleeps.
type sleepers interface {
	// enter makes p one of the bell's sleepers, until it is woken or leaves. False: it cannot.
	enter(bell *Bell, value uint32, p *Poke) bool
	leave(p *Poke)
}

// Arm makes the waiter one of those that s waits for: s.Wait returns it when its bell has rung, or when it was poked. It reports false, and
// the waiter is not armed, if ready is true already or a poke was pending. Where the backend cannot do it, or the bell is nil, s.Wait looks at
// intervals, as Poll does. ready is as for Waiter.Wait.
func (s *Set) Arm(w *Waiter, bell *Bell, ready func() bool) bool {
	if s.signal == nil {
		s.signal, s.armed, s.polls = make(chan struct{}, 1), make(map[*Poke]*Waiter), make(map[*Waiter]bool)
	}
	if ready() || w.poke.Clear() {
		s.idle = 0
		return false
	}
	s.armed[w.poke] = w
	w.poke.set.Store(s)
	if n, ok := w.notifier.(sleepers); ok && bell != nil {
		if value := bell.arm(); n.enter(bell, value, w.poke) {
			if ready() || bell.Value() != value || w.poke.Pending() {
				s.Disarm(w)
				return false
			}
			return true
		}
	}
	s.polls[w] = true
	return true
}

// Disarm undoes Arm. A waiter that Wait has returned is not armed any more. Call it before Waiter.Close.
func (s *Set) Disarm(w *Waiter) {
	if s.armed[w.poke] == nil {
		return
	}
	delete(s.armed, w.poke)
	delete(s.polls, w)
	w.poke.set.Store(nil)
	if n, ok := w.notifier.(sleepers); ok {
		n.leave(w.poke)
	}
	w.poke.Clear()
}

// fire says that the sleeper of p was woken.
func (s *Set) fire(p *Poke) {
	s.mu.Lock()
	s.hits = append(s.hits, p)
	s.mu.Unlock()
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

// Wait waits until waiters were woken, and returns them: nobody waits for them then until they are armed again. None were if limit has
// passed (0 or less: no limit) or for no reason. The error is ctx's. The slice is good until the next Wait.
func (s *Set) Wait(ctx context.Context, limit time.Duration) ([]*Waiter, error) {
	if limit <= 0 || limit > longWait {
		limit = longWait
	}
	nap := limit
	if len(s.polls) > 0 {
		nap = min(limit, max(s.idle/pollShare, pollFirst), pollEvery)
		s.idle += nap
	}
	if s.timer == nil {
		s.timer = time.NewTimer(nap)
	} else {
		s.timer.Reset(nap)
	}
	select {
	case <-s.signal:
	case <-s.timer.C:
	case <-ctx.Done():
	}
	s.timer.Stop()
	s.woken = s.woken[:0]
	for w := range s.polls {
		s.take(w)
	}
	s.mu.Lock()
	s.hits, s.seen = s.seen[:0], s.hits
	s.mu.Unlock() // who fires holds a lock that Disarm takes
	for _, p := range s.seen {
		if w := s.armed[p]; w != nil { // otherwise it has been taken, or disarmed
			s.take(w)
		}
	}
	return s.woken, ctx.Err()
}

func (s *Set) take(w *Waiter) {
	s.Disarm(w)
	s.woken = append(s.woken, w)
}

// longWait keeps timers far from overflow.
const longWait = time.Hour
