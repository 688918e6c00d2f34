//go:build linux && (amd64 || arm64)

package wake

import (
	"runtime"
	"sync"
	"time"
)

// show goes through Go's scheduler, if that is due and a P is left for others. A goroutine that is locked to its thread gives it up for that moment.
func (c *crowd) show(p *Poke) {
	now := monotonic()
	since := now - p.scheduled
	if p.sleeps++; since < showEvery {
		return
	}
	if since <= time.Duration(p.sleeps)*often && c.shows(p, now) {
		runtime.Gosched()
		now = monotonic()
	}
	p.scheduled, p.sleeps = now, 0
}

// shows says whether all who have slept in system calls lately, p among them, leave a P for others.
func (c *crowd) shows(p *Poke, now time.Duration) bool {
	return c.lately.add(&p.second, now)+int(c.threads.Load()) < runtime.GOMAXPROCS(0)
}

// A tally is how many have slept on threads of their own lately. Each of them may have a P.
type tally struct {
	mu           sync.Mutex
	second       int64 // of the kernel's monotonic clock
	here, before int   // in that second, and in the one before
}

// add counts who was last counted in that second, and says how many there are: in this second or in the one before, whichever are more.
func (t *tally) add(last *int64, now time.Duration) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn(now)
	if *last != t.second {
		*last = t.second
		t.here++
	}
	return max(t.here, t.before)
}

// of is how many there are.
func (t *tally) of(now time.Duration) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn(now)
	return max(t.here, t.before)
}

// turn begins a new second, if it is time to.
func (t *tally) turn(now time.Duration) {
	s := int64(now / time.Second)
	if s <= t.second { // who waited for the lock may come with an earlier one
		return
	}
	if t.before = t.here; s != t.second+1 {
		t.before = 0
	}
	t.second, t.here = s, 0
}
