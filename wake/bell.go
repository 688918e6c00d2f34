package wake

import (
	"shmbus/internal/fence"
	"shmbus/internal/mem"
)

// A Bell is the 32-bit word in shared memory that sleepers sleep on. Bit 0 says that somebody sleeps, or did; bit 31 that
// there are ringers that look at it without a fence; those between count the rings that found bit 0 set. The zero Bell is ready. Any value is a
// valid one, whoever wrote it. A Bell must not be copied. Its methods may be called by any goroutine of any process at any time.
type Bell struct{ word mem.Word32 }

// A Line is a bell alone in its 64-byte cache line: how bells lie in the bell file.
type Line struct {
	Bell Bell
	_    [60]byte
}

const (
	asleep   = 1       // somebody sleeps
	unfenced = 1 << 31 // ringers look without a fence, as long as nobody sleeps
)

// Asleep reports whether somebody sleeps on the bell, or may. It is one load.
func (b *Bell) Asleep() bool { return b.word.Load()&asleep != 0 }

// Value is the word as it is now, for people to look at and for a Notifier to compare. It is one load.
func (b *Bell) Value() uint32 { return b.word.Load() }

// Ring wakes all sleepers, if bit 0 says that there are any; otherwise it is one load and no system call. What the sleepers
// wait for must be stored before, and that store must not be passed by the load here: see the package comment, "Fences"; who stores with
// release order has a Ringer. A wake that the system refuses is dropped; the limit of the sleeper's Wait covers it.
func (b *Bell) Ring(n Notifier) {
	if b.Asleep() {
		b.ring(n)
	}
}

// ring clears bit 0 and counts, both by adding one, and wakes. Of several ringers one wakes; the others find the bit gone. Bit 31 stays as it
// is: only a sleeper may clear it.
func (b *Bell) ring(n Notifier) {
	for {
		v := b.word.Load()
		if v&asleep == 0 {
			return
		}
		if b.word.CompareAndSwap(v, (v+1)&^unfenced|v&unfenced) {
			_ = n.Wake(b)
			return
		}
	}
}

// Want makes the next Ring ring, as a sleeper does, for those who look again by themselves and want the ringer to know. It is a full barrier.
func (b *Bell) Want() { b.arm() }

// arm sets bit 0 and returns the value to sleep on. The caller must look once more at what it waits for before it sleeps.
//
// If bit 31 is set, it makes all ringers' CPUs pass a fence before it clears it: who has looked at the bell without a fence, and seen nobody
// asleep, has its store seen by then. Bit 0 is set before, so that nobody does so meanwhile; and a sleeper that finds bit 31 still set has fences
// of its own. Who finds it clear while bit 0 is set comes after somebody's fences. If the bell rings meanwhile, bit 31 stays, and all is done again:
// who answers within the time of a fence, and never later, would otherwise cost one each time. But where frames come that often by themselves the
// caller had better look: then the value that is returned is not the bell's any more, and nobody sleeps on it.
func (b *Bell) arm() uint32 {
	for fences := 0; ; {
		v := b.word.Load()
		if v&asleep == 0 && !b.word.CompareAndSwap(v, v|asleep) {
			continue
		}
		v |= asleep
		if v&unfenced == 0 {
			return v
		}
		fence.All()
		if b.word.CompareAndSwap(v, v&^unfenced) {
			return v &^ unfenced
		}
		if fences++; fences == mostFences { // it has rung, or another sleeper has cleared the bit
			return v
		}
	}
}

// mostFences is how often arm tries to clear bit 31.
const mostFences = 2
