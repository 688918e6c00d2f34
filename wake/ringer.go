package wake

import (
	"shmbus/internal/fence"
	"shmbus/internal/mem"
)

// A Ringer is the private side of who rings one bell after release stores: of a publisher, after each frame. It is for one goroutine at a time.
//
// After calmRings rings that found nobody asleep it sets the bell's bit 31, and from then on a ring is one load and no fence, until somebody sleeps:
// a fence that stands between a store and a load waits until all stores before it are seen, which takes longest while their lines are on the
// way from another core. Who goes to sleep then makes the ringers pass a fence instead, by a system call (membarrier); see the package comment,
// "Fences". On CPUs whose release stores need no fence there is none to save.
type Ringer struct {
	bell     *Bell
	notifier Notifier
	silence  uint32 // bits 0 and 31 of a bell at which a look without a fence is enough
	calm     int    // rings in a row that found nobody asleep and bit 31 clear
	fence    mem.Fence
}

// noSilence is no value of the two bits.
const noSilence = 2

// NewRinger makes a Ringer of a bell. Where release stores are no plain ones, a look at the bell needs no fence.
func NewRinger(bell *Bell, n Notifier) Ringer {
	r := Ringer{bell: bell, notifier: n}
	if fence.Needed {
		r.silence = noSilence
	}
	return r
}

// Silent says, by one load and without a fence, that nobody sleeps who has to be woken. If it does not, ask Calm, or Ring.
func (r *Ringer) Silent() bool { return r.bell.word.Load()&(asleep|unfenced) == r.silence }

// Calm says, behind a fence, that nobody sleeps. It is a full barrier. If it says no, Ring.
func (r *Ringer) Calm() bool {
	r.fence.StoreLoad()
	v := r.bell.word.Load()
	if v&asleep != 0 {
		r.calm = 0
		return false
	}
	if r.calm++; r.calm < calmRings && v&unfenced == 0 || !fence.Reaches() || r.notifier.Polls() {
		return true
	}
	r.calm = 0
	if v&unfenced != 0 || r.bell.word.CompareAndSwap(v, v|unfenced) {
		r.silence = unfenced
	}
	return true
}

// Ring wakes all sleepers, if there are any. It is a full barrier.
func (r *Ringer) Ring() {
	if !r.Calm() {
		r.bell.ring(r.notifier)
	}
}
