package wake

import "time"

const (
	pollEvery = 250 * time.Millisecond // the longest nap, unless told
	pollFirst = 500 * time.Microsecond // the shortest
	pollShare = 4                      // a nap is at most this part of the time slept in vain so far
	pollAwake = 10 * time.Millisecond  // who did not sleep for so long had something to do
)

type poller struct {
	every time.Duration
	waker Notifier // wakes sleepers of other processes that do not poll; nil if there cannot be any
}

// Poll is the backend that works everywhere, and on bells that may not be written: it looks, naps, and looks again. A nap is a
// quarter of the time it has slept in vain so far, at least 0.5 ms and at most every (0 or less: 250 ms). So what it waits for is
// seen late by a quarter of its own time at most, and an idle waiter costs next to nothing: four looks a second. A look after a nap
// costs 10 to 200 µs of CPU, depending on the machine. A poke or a context still wakes it at once. Its Wake also wakes
// sleepers that other backends put to sleep.
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

// Sleep naps once. Time slept in vain adds up in the poke until a Wait has been successful, or until the sleeper has stayed
// away from here for a while.
func (p *poller) Sleep(bell *Bell, value uint32, poke *Poke, limit time.Duration) error {
	if poke.Pending() || bell != nil && bell.Value() != value {
		return nil
	}
	start := time.Now()
	if start.Sub(poke.last) > pollAwake {
		poke.idle = 0
	}
	nap := p.nap(poke.idle)
	if limit > 0 {
		nap = min(nap, limit)
	}
	poke.nap(nap)
	poke.last = time.Now()
	poke.idle += poke.last.Sub(start)
	return nil
}

// nap is how long to sleep after having slept in vain for idle.
func (p *poller) nap(idle time.Duration) time.Duration {
	return min(max(idle/pollShare, pollFirst), p.every)
}

// Wake does nothing for pollers, who look by themselves.
func (p *poller) Wake(bell *Bell) error {
	if p.waker == nil {
		return nil
	}
	return p.waker.Wake(bell)
}

func (p *poller) WakePoke(poke *Poke) error {
	poke.wakeUp()
	return nil
}
