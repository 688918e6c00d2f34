package wake

import "time"

// Set stores any value into a bell, as a broken or hostile process may.
func (b *Bell) Set(v uint32) { b.word.Store(v) }

// Unfenced says whether bit 31 is set.
func (b *Bell) Unfenced() bool { return b.word.Load()&unfenced != 0 }

// Calm sets bit 31 if nobody sleeps, as a Ringer does after many calm rings.
func (b *Bell) Calm() {
	if v := b.word.Load(); v&asleep == 0 {
		b.word.CompareAndSwap(v, v|unfenced)
	}
}

// CalmRings is after how many calm rings a Ringer sets bit 31.
const CalmRings = calmRings

// Budget is how long the waiter would spin now.
func (w *Waiter) Budget() time.Duration { return w.spin.budget }

// Paid and Missed tell the waiter of a spin that succeeded after that long, and of one in vain.
func (w *Waiter) Paid(took time.Duration) { w.spin.paid(took) }
func (w *Waiter) Missed()                 { w.spin.missed() }

// Register and Finish are what a Waiter and its context's callback do to the poke word.
func (p *Poke) Register(reg uint32)    { p.register(reg) }
func (p *Poke) Finish(reg uint32) bool { return p.finish(reg) }

// Pending says whether the waiter's poke has a reason not to sleep.
func (w *Waiter) Pending() bool { return w.poke.Pending() }
