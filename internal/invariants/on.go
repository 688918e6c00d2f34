//go:build invariants

package invariants

import "sync/atomic"

// Enabled says whether checks are compiled in.
const Enabled = true

// A Guard catches two goroutines in what is for one at a time.
type Guard struct{ busy atomic.Bool }

// Enter panics if somebody else has entered and not left.
func (g *Guard) Enter(what string) {
	if !g.busy.CompareAndSwap(false, true) {
		panic("shmbus: " + what + " is used by two goroutines at once")
	}
}

// Leave ends what Enter began.
func (g *Guard) Leave() { g.busy.Store(false) }

// Check panics with the message unless ok.
func Check(ok bool, message string) {
	if !ok {
		panic("shmbus: " + message)
	}
}
