package bus

import (
	"time"

	"shmbus/internal/clock"
	"shmbus/internal/cpu"
	"shmbus/wake"
)

// What a Subscriber does that has caught up, before it looks for the next frame.

// standBack is for who has caught up with a stream, which ends here unless the next frame comes within a moment. looked says that it has looked away just now.
func (s *Subscriber) standBack(looked bool) {
	if s.inLongStream() {
		s.yield()
	}
	if !looked {
		s.lookAway(s.streak)
	}
	s.dwell(s.streak == 1)
	s.streak, s.ebbs = 0, false
}

// longStream is how many slots a subscriber has come through since there was nothing to read when it begins to let others have the CPU who wait for it, each time that it
// has caught up: where there are more threads than CPUs, the publisher may be one of them, or another subscription. It gets it back after some
// milliseconds, perhaps: so who reads a burst does not.
const longStream = 1024

// lull is how long a subscription that has slept behind a long stream sleeps until it looks again. Where there are more threads than CPUs, its publisher may wait for the CPU of another
// subscription meanwhile, while this one's has nothing to do. Linux looks for work elsewhere when a CPU runs out of it, and passes over what has run there within the last half millisecond: so
// the CPU has to run out of it once more.
const lull = 600 * time.Microsecond

// inLongStream says whether it has, and may let them.
func (s *Subscriber) inLongStream() bool {
	return s.config.waiting != wake.Spin && s.r.Position()-s.emptied >= longStream
}

// yield lets others have the CPU, who may wait for it. Where nobody did the last time it is a system call for nothing, which takes two hundred nanoseconds, as long as a frame and its
// answer: then it comes less and less often, but once in 64 times.
func (s *Subscriber) yield() {
	if s.selfish > 0 {
		s.selfish--
		return
	}
	start := clock.Now(&s.clock)
	cpu.Yield()
	s.yielded(time.Duration(clock.Now(&s.clock) - start))
}

// yielded is told how long a yield has taken.
func (s *Subscriber) yielded(took time.Duration) {
	if took > longYield {
		s.unwanted = 0
	} else {
		s.unwanted = min(2*s.unwanted+1, 63)
	}
	s.selfish = s.unwanted
}

// longYield is longer than a yield takes that gives the CPU to nobody, and shorter than another one keeps it.
const longYield = 2 * time.Microsecond

// fewAlone is how many frames come alone, and within an eighth of a microsecond, until they are taken for answers.
const fewAlone = 16

// dwell looks for the next frame for an eighth of a microsecond, with pauses. Within that time comes one of a stream, whose publisher is quicker if the
// line it stores to is not asked for all the time. An answer comes later on most CPUs; on some it comes sooner, a few pauses late. So who gets frames like
// that, one by one, and each not quite at once, does not dwell any more. alone says that the last one was the only one.
func (s *Subscriber) dwell(alone bool) {
	if s.config.waiting == wake.Block {
		return
	}
	switch {
	case !alone:
		s.alone = 0
	case s.late:
		s.alone++
	}
	s.late = false
	if s.alone >= fewAlone {
		return
	}
	for n := s.pauses / 8; ; n-- {
		if s.r.Has(s.r.Position()) {
			s.late = n <= s.pauses/16
			return
		}
		if n <= 0 {
			return
		}
		cpu.Pause(1)
	}
}
