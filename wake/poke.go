package wake

import (
	"sync/atomic"
	"time"

	"shmbus/internal/mem"
)

// A Poke is the private side of one sleeper: the word by which its own process wakes it without touching the bell. Make it with
// NewPoke; a Waiter has its own. A Poke must not be copied.
//
//	31            2   1      0
//	+--------------+------+------+
//	| registration | done | poke |     poke: Poke was called; done: the registered context is done
//	+--------------+------+------+
//
// The sleeper alone changes the registration, and takes the poke bit away; anybody sets the bits. A callback of an earlier
// context finds another registration in the word and leaves it alone.
type Poke struct {
	word mem.Word32

	// For those who sleep in the Go scheduler. The sleeper alone uses all but signal.
	signal chan struct{}
	timer  *time.Timer
	idle   time.Duration // Poll: slept in vain so far
	last   time.Time     // Poll: end of the last sleep
	berth  *berth        // of a crowd
	value  uint32        // that the berth's bell had; guarded by the berth's watch

	// For those who sleep in system calls. It is the sleeper's.
	scheduled time.Duration // when it last went through Go's scheduler for it, or could have, by the kernel's monotonic clock
	sleeps    int           // so many since then
	second    int64         // of that clock in which it was last counted among those
	crowded   int64         // and among those of the crowd

	set atomic.Pointer[Set] // that is to be told instead of the sleeper; nil: none
}

const (
	poked    = 1 << 0
	ctxDone  = 1 << 1
	pending  = poked | ctxDone
	regShift = 2
	regLimit = 1<<(32-regShift) - 1
)

// NewPoke makes a Poke with nothing pending.
func NewPoke() *Poke { return &Poke{signal: make(chan struct{}, 1)} }

// Pending reports whether the sleeper has a reason not to sleep. Any goroutine may call it.
func (p *Poke) Pending() bool { return p.word.Load()&pending != 0 }

// poked reports whether Set was called. A spinning sleeper asks this: it looks at its context itself, and the done bit may still be
// that of an earlier one.
func (p *Poke) poked() bool { return p.word.Load()&poked != 0 }

// Set makes Pending true until Clear and reports whether it was not so before. It wakes nobody: Notifier.WakePoke does. Any
// goroutine may call it.
func (p *Poke) Set() bool {
	for {
		v := p.word.Load()
		if v&poked != 0 {
			return false
		}
		if p.word.CompareAndSwap(v, v|poked) {
			return true
		}
	}
}

// Clear takes back what Set did and reports whether there was anything. It is for the sleeper.
func (p *Poke) Clear() bool {
	for {
		v := p.word.Load()
		if v&poked == 0 {
			return false
		}
		if p.word.CompareAndSwap(v, v&^poked) {
			return true
		}
	}
}

// register starts a new registration: done is clear, the poke stays.
func (p *Poke) register(reg uint32) {
	for {
		v := p.word.Load()
		if p.word.CompareAndSwap(v, reg<<regShift|v&poked) {
			return
		}
	}
}

// finish sets done if reg is still the registration, and reports whether it did.
func (p *Poke) finish(reg uint32) bool {
	for {
		v := p.word.Load()
		if v>>regShift != reg || v&ctxDone != 0 {
			return false
		}
		if p.word.CompareAndSwap(v, v|ctxDone) {
			return true
		}
	}
}

// nap sleeps in the Go scheduler until wakeUp, or until limit has passed.
func (p *Poke) nap(limit time.Duration) {
	if p.timer == nil {
		p.timer = time.NewTimer(limit)
	} else {
		p.timer.Reset(limit)
	}
	select {
	case <-p.signal:
		p.timer.Stop()
	case <-p.timer.C:
	}
}

// wakeUp ends a nap, or the next one; or it tells the set. Any goroutine may call it.
func (p *Poke) wakeUp() {
	if s := p.set.Load(); s != nil {
		s.fire(p)
		return
	}
	select {
	case p.signal <- struct{}{}:
	default: // a signal that nobody took yet does as well
	}
}
