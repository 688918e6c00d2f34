package wake

import (
	"runtime"
	"time"

	"shmbus/internal/cpu"
)

const (
	spinLeast = 1500 * time.Nanosecond // about one system call: always worth a try
	spinFirst = 10 * time.Microsecond
	spinMost  = 40 * time.Microsecond // more takes the CPU from the one that is waited for
	tryMost   = 32                    // every so many spins in vain, one of the full length: waits may have become short

	blockTime  = time.Microsecond // looks between two looks at anything else
	yieldEvery = 1000             // blocks of Spin between two calls of the scheduler, which can take 50 of them
	clockEvery = 16               // blocks of Spin between two looks at the clock
)

// An ending says how a spin ended.
type ending uint8

const (
	unfinished ending = iota // the budget is used up
	isReady
	wasPoked
	cancelled
	timedOut
)

// A spinner looks at ready in a loop, and learns how long that pays. Only a spin that succeeded makes the next ones longer. A
// short sleep after a spin in vain does not: often the spin itself kept the CPU from the one that was waited for.
type spinner struct {
	budget time.Duration
	vain   int  // spins in vain since the last that paid
	block  int  // looks in a block
	alone  bool // one CPU: what is waited for cannot happen while we spin
}

func (s *spinner) init() {
	s.budget = spinFirst
	s.block = cpu.PausesPerMicrosecond() // with a look after each
	s.count()
}

// count sees how many CPUs there are; the number can change while a process runs.
func (s *spinner) count() { s.alone = runtime.GOMAXPROCS(0) == 1 || runtime.NumCPU() == 1 }

// brief spins for up to the budget. It looks at the clock between blocks only, and not before the first has passed.
func (s *spinner) brief(poke *Poke, done <-chan struct{}, ready func() bool, limit time.Duration) ending {
	if s.alone {
		return unfinished
	}
	budget := s.budget
	if s.vain%tryMost == tryMost-1 {
		budget = spinMost
	}
	if limit > 0 {
		budget = min(budget, limit)
	}
	var start time.Time
	for first := true; ; first = false {
		for range s.block {
			cpu.Pause(1)
			if ready() {
				if !first {
					s.paid(blockTime + time.Since(start))
				}
				return isReady
			}
		}
		switch {
		case isDone(done):
			return cancelled
		case poke.poked():
			return wasPoked
		case first:
			start = time.Now()
		case time.Since(start)+blockTime >= budget:
			return unfinished
		}
	}
}

// paid learns from a spin that succeeded after that long.
func (s *spinner) paid(took time.Duration) {
	s.vain = 0
	s.budget = min(max(s.budget, 2*took), spinMost)
}

// missed learns from a spin that had to be followed by a sleep.
func (s *spinner) missed() {
	s.vain++
	s.budget = max(s.budget-s.budget/4, spinLeast)
	s.count()
}

// forever spins until something happens. With one CPU it lets others run after every look.
func (s *spinner) forever(poke *Poke, done <-chan struct{}, ready func() bool, limit time.Duration) ending {
	block, yield := s.block, yieldEvery
	if s.alone {
		block, yield = 1, 1
	}
	var start time.Time // of the first look at the clock, which would delay the first looks at ready
	for round := 1; ; round++ {
		for range block {
			cpu.Pause(1)
			if ready() {
				return isReady
			}
		}
		if isDone(done) {
			return cancelled
		}
		if poke.poked() {
			return wasPoked
		}
		if round%yield == 0 {
			runtime.Gosched()
			s.count()
		}
		if limit > 0 && round%clockEvery == 0 {
			if start.IsZero() {
				start = time.Now()
			} else if time.Since(start) >= limit {
				return timedOut
			}
		}
	}
}
