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
	last  time.Time        // when Due last looked at them
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
	s.begin(w)
	if ready() || w.poke.Clear() {
		s.idle = 0
		return false
	}
	s.armed[w.poke] = w
	w.poke.set.Store(s)
	if n, ok := w.notifier.(sleepers); ok && bell != nil {
		if value := bell.arm(); n.enter(bell, value, w.poke) {
			return s.keep(w, ready() || bell.Value() != value)
		}
	}
	s.polls[w] = true
	return s.keep(w, false)
}

// ArmPoke is Arm for a waiter that has no bell and is looked at for nothing else: s.Wait returns it when it was poked.
func (s *Set) ArmPoke(w *Waiter) bool {
	s.begin(w)
	if w.poke.Clear() {
		return false
	}
	s.armed[w.poke] = w
	w.poke.set.Store(s)
	return s.keep(w, false)
}

// keep says whether the waiter stays armed: not if there is a reason already. One may be a poke by somebody who did not see the set yet.
func (s *Set) keep(w *Waiter, reason bool) bool {
	if reason || w.poke.poked() {
		s.end(w)
		return false
	}
	return true
}

// begin lets go of the context that the waiter has waited with before: its end is nothing to the set.
func (s *Set) begin(w *Waiter) {
	if w.done != nil {
		w.forget()
	}
	if s.signal == nil {
		s.signal, s.armed, s.polls = make(chan struct{}, 1), make(map[*Poke]*Waiter), make(map[*Waiter]bool)
	}
}

// Disarm undoes Arm and ArmPoke. A waiter that Wait has returned is not armed any more. A poke that nobody was told of yet stays. Call it before
// Waiter.Close.
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
}

// end is Disarm for a waiter whose caller is told of what there is, of a poke too.
func (s *Set) end(w *Waiter) {
	s.Disarm(w)
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
// passed (0 or less: no limit) or for no reason. The error is ctx's. The slice is good until the next Wait, Woken or Due.
func (s *Set) Wait(ctx context.Context, limit time.Duration) ([]*Waiter, error) {
	if limit <= 0 || limit > longWait {
		limit = longWait
	}
	nap := limit
	if len(s.polls) > 0 {
		nap = min(limit, s.nap())
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
	s.poll()
	s.collect()
	return s.woken, ctx.Err()
}

// Woken is Wait for those who are busy: it does not wait, and returns the waiters that were woken by now. It costs little. Of those that nobody
// wakes Due has to be asked.
func (s *Set) Woken() []*Waiter {
	s.woken = s.woken[:0]
	select {
	case <-s.signal:
		s.collect()
	default:
	}
	return s.woken
}

// Due is Woken for the waiters that nobody wakes: all of them, if it is time to look at them again.
func (s *Set) Due(now time.Time) []*Waiter {
	s.woken = s.woken[:0]
	if nap := s.nap(); len(s.polls) > 0 && now.Sub(s.last) >= nap {
		s.idle += nap
		s.last = now
		s.poll()
	}
	return s.woken
}

// nap is how long those that nobody wakes are not looked at.
func (s *Set) nap() time.Duration { return min(max(s.idle/pollShare, pollFirst), pollEvery) }

// poll takes those that nobody wakes.
func (s *Set) poll() {
	for w := range s.polls {
		s.take(w)
	}
}

// collect takes those that were woken.
func (s *Set) collect() {
	s.mu.Lock()
	s.hits, s.seen = s.seen[:0], s.hits
	s.mu.Unlock() // who fires holds a lock that Disarm takes
	for _, p := range s.seen {
		if w := s.armed[p]; w != nil { // otherwise it has been taken, or disarmed
			s.take(w)
		}
	}
}

func (s *Set) take(w *Waiter) {
	s.end(w)
	s.woken = append(s.woken, w)
}

// longWait keeps timers far from overflow.
const longWait = time.Hour
