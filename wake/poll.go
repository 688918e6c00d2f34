package wake

import "time"

const (
	pollEvery = 15 * time.Millisecond  // the longest nap, unless told
	pollFirst = 100 * time.Microsecond // the first nap; each is twice the one before
)

type poller struct {
	every time.Duration
	waker Notifier // wakes sleepers of other processes that do not poll; nil if there cannot be any
}

// Poll is the backend that works everywhere and on bells that may not be written: it looks, naps, and looks again. Naps
// grow to every (0 or less: 15 ms), so that a long idle waiter costs well below 0.1 % of a CPU; what it waits for is seen up to
// that much later. A poke or a context still wakes it at once. Its Wake also wakes sleepers that other backends put to sleep.
func Poll(every time.Duration) Notifier {
	if every <= 0 {
		every = pollEvery
	}
	p := &poller{every: every}
	if f, err := Futex(); err == nil {
		p.waker = f
	}
	return p
}

func (p *poller) Name() string { return "poll" }

func (p *poller) Polls() bool { return true }

// Sleep naps once. The next nap of the same poke is longer, until Waiter.Wait has been successful.
func (p *poller) Sleep(bell *Bell, value uint32, poke *Poke, limit time.Duration) error {
	if poke.Pending() || bell != nil && bell.Value() != value {
		return nil
	}
	nap := min(max(2*poke.nap, pollFirst), p.every)
	poke.nap = nap
	if limit > 0 {
		nap = min(nap, limit)
	}
	if poke.timer == nil {
		poke.timer = time.NewTimer(nap)
	} else {
		poke.timer.Reset(nap)
	}
	select {
	case <-poke.signal:
		poke.timer.Stop()
	case <-poke.timer.C:
	}
	return nil
}

func (p *poller) Wake(bell *Bell) error {
	if p.waker == nil {
		return nil
	}
	return p.waker.Wake(bell)
}

func (p *poller) WakePoke(poke *Poke) error {
	select {
	case poke.signal <- struct{}{}:
	default: // a signal that nobody took yet does as well
	}
	return nil
}
