package wake

import (
	"context"
	"time"
)

// A Strategy says what a Waiter does before it sleeps.
type Strategy uint8

const (
	// Adaptive spins for a few µs, as far as it has paid lately, and then sleeps. With one CPU it does not spin.
	Adaptive Strategy = iota
	// Spin never sleeps: the quickest, at the price of a whole CPU.
	Spin
	// Block sleeps without spinning.
	Block
)

// String is the strategy's name in lower case.
func (s Strategy) String() string {
	switch s {
	case Adaptive:
		return "adaptive"
	case Spin:
		return "spin"
	case Block:
		return "block"
	}
	return "unknown"
}

// A Waiter is the private side of one sleeper. It is for one goroutine at a time, except Poke, which any goroutine may call.
type Waiter struct {
	notifier Notifier
	polls    bool
	strategy Strategy
	spin     spinner
	poke     *Poke

	// Near says, after a sleep, that ready is about to be true: then the waiter spins for up to 40 µs before it sleeps on, whatever its strategy. Nil: it
	// never is. It is called as ready is.
	Near func() bool

	// Most says, when the bell is armed and a sleep is about to begin of which so much is left, how much of it there may be: what it depends on may have
	// changed since the limit was chosen, and the ring that told of it may have come before, or have ended a sleep in vain. It is not asked again for what it
	// has taken off. Nil: all of it. It is called as ready is.
	Most func(left time.Duration) time.Duration

	// The registration with a context. It is kept from Wait to Wait as long as the Done channel is the same.
	done <-chan struct{}
	stop func() bool
	reg  uint32
}

// NewWaiter makes a Waiter that sleeps by n. A bell that may not be written needs a notifier that Polls.
func NewWaiter(n Notifier, s Strategy) *Waiter {
	w := &Waiter{notifier: n, polls: n.Polls(), strategy: s, poke: NewPoke()}
	if s != Block {
		w.spin.init()
	}
	return w
}

// Wait waits until ready reports true. It returns nil then, and also when the waiter was poked, when limit has passed (0 or
// less: no limit), or for no reason: the caller always looks again itself. It returns ctx.Err() when ctx is done and ready still
// false, and an error of the system's if sleeping is not possible.
//
// ready is called many times on the caller's goroutine. It must be quick, must not block, and must only load. Whoever makes it true
// rings the bell afterwards. With a nil bell there is nobody to ring: only the context, a poke and the limit end the sleep.
//
// A Wait that sleeps registers with ctx and keeps the registration for the next Wait with the same Done channel, which then
// does not allocate; Close gives it back, and so does arming with a Set.
func (w *Waiter) Wait(ctx context.Context, bell *Bell, ready func() bool, limit time.Duration) error {
	if ready() {
		return nil
	}
	done := ctx.Done()
	if isDone(done) {
		return ctx.Err()
	}
	if w.poke.Clear() {
		return nil
	}
	end := unfinished
	switch w.strategy {
	case Spin:
		end = w.spin.forever(w.poke, done, ready, limit)
	case Adaptive:
		end = w.spin.brief(w.poke, done, ready, limit)
	}
	if end == unfinished {
		if w.strategy == Adaptive {
			w.spin.missed()
		}
		return w.sleep(ctx, done, bell, ready, limit)
	}
	return w.finish(ctx, end)
}

// sleep is Wait after spinning.
func (w *Waiter) sleep(ctx context.Context, done <-chan struct{}, bell *Bell, ready func() bool, limit time.Duration) error {
	if done != w.done {
		w.register(ctx, done)
	}
	var start time.Time
	if limit > 0 {
		start = time.Now()
	}
	for left := limit; ; {
		var value uint32
		if bell != nil {
			if w.polls {
				value = bell.Value()
			} else {
				value = bell.arm()
			}
		}
		if ready() {
			break
		}
		if w.Most != nil && limit > 0 {
			most := min(left, w.Most(left))
			limit, left = limit-(left-most), most
		}
		if err := w.notifier.Sleep(bell, value, w.poke, left); err != nil {
			return err
		}
		if ready() {
			break
		}
		if isDone(done) {
			return ctx.Err()
		}
		if w.poke.Clear() {
			return nil
		}
		if limit > 0 { // from the start on: rings in vain do not put the end off
			if left = limit - time.Since(start); left <= 0 {
				return nil
			}
		}
		if end := w.linger(done, ready, left); end != unfinished {
			return w.finish(ctx, end)
		}
	}
	w.poke.idle = 0
	return nil
}

// linger spins if ready is about to be true.
func (w *Waiter) linger(done <-chan struct{}, ready func() bool, limit time.Duration) ending {
	if w.Near == nil || !w.Near() {
		return unfinished
	}
	var s spinner
	s.init()
	s.budget = spinMost
	return s.brief(w.poke, done, ready, limit)
}

// finish turns the end of a spin into the result of a Wait.
func (w *Waiter) finish(ctx context.Context, end ending) error {
	switch end {
	case isReady:
		w.poke.idle = 0
	case cancelled:
		return ctx.Err()
	case wasPoked:
		w.poke.Clear()
	}
	return nil
}

// register lets go of the old context and arranges for the new one to wake the waiter. Contexts are told apart by their channels,
// because not every context type can be compared.
func (w *Waiter) register(ctx context.Context, done <-chan struct{}) {
	w.forget()
	w.done = done
	if done == nil {
		return
	}
	reg := w.reg
	w.stop = context.AfterFunc(ctx, func() {
		if w.poke.finish(reg) {
			_ = w.notifier.WakePoke(w.poke)
		}
	})
}

// Poke wakes the waiter if it is in Wait. If it is not, its next Wait that finds ready false returns at once. Several pokes
// that no Wait has seen yet count as one. Any goroutine may call it at any time, also after Close.
func (w *Waiter) Poke() {
	if w.poke.Set() {
		_ = w.notifier.WakePoke(w.poke)
	}
}

// Close lets go of the registration with the last context, and of the last bell: that may be unmapped then. The waiter can still be
// used. Close must not be called while Wait runs.
func (w *Waiter) Close() {
	w.poke.unseat()
	w.forget()
}

// forget lets go of the registration with the last context.
func (w *Waiter) forget() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
	w.done = nil
	w.reg = (w.reg + 1) & regLimit
	w.poke.register(w.reg)
}

// isDone reports whether done is closed. On an open channel it takes no lock.
func isDone(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
