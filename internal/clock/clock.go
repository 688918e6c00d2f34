package clock

import (
	"math/bits"
	"time"
)

const (
	settle  = 5 * time.Millisecond  // the counter's rate is not used before it was measured over so long
	window  = 10 * time.Millisecond // after so long the system's clock is looked at again
	longest = time.Minute           // the rate is measured over no more than this, so that it follows the clock
)

// A Clock tells the time for one goroutine. The zero Clock is ready. Its times follow the system's wall clock, adjustments
// included, within 10 ms of them; they are within a few hundred nanoseconds of time.Now otherwise, and may step back by as much.
type Clock struct {
	started bool
	base    sample // the far end of the line
	last    sample // the near end
	rate    uint64 // nanoseconds a tick, times 2^32; 0: not known yet
	limit   uint64 // ticks after last for which it is used
}

type sample struct {
	ticks uint64
	ns    int64
}

// slow looks at the system's clock and, once it can, sets up the line.
func slow(c *Clock) int64 {
	if !trusted() {
		return time.Now().UnixNano()
	}
	s := look()
	if !c.started || s.ns < c.base.ns || s.ticks <= c.base.ticks || s.ns-c.last.ns > int64(longest) {
		c.started, c.base, c.last, c.rate, c.limit = true, s, s, 0, 0
		return s.ns
	}
	if s.ns-c.base.ns >= int64(settle) {
		// The wall clock may be stepped. The rate is believed only if it agrees with the last one.
		dn, dt := uint64(s.ns-c.base.ns), s.ticks-c.base.ticks
		hi, lo := bits.Mul64(dn, 1<<32)
		if hi >= dt {
			c.started = false
			return s.ns
		}
		rate, _ := bits.Div64(hi, lo, dt)
		if c.rate != 0 && (rate > c.rate+c.rate/1000 || rate < c.rate-c.rate/1000) {
			c.started, c.rate, c.limit = false, 0, 0
			return s.ns
		}
		if c.rate = rate; rate > 0 {
			c.limit = uint64(window) << 32 / rate
		}
		if dn > uint64(longest) {
			c.base = c.last
		}
	}
	c.last = s
	return s.ns
}

// look is the counter and the system's clock at one moment: the closest of a few tries, so that an interruption between them
// does not count.
func look() sample {
	var best sample
	least := uint64(1<<64 - 1)
	for range 3 {
		before := ticks()
		now := time.Now().UnixNano()
		after := ticks()
		if d := after - before; d < least {
			least, best = d, sample{before + d/2, now}
		}
	}
	return best
}
