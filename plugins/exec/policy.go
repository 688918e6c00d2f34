package exec

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"shmbus/plugins"
)

// ErrRunning is wrapped by Run's error if the plugin has a runner already.
var ErrRunning = errors.New("the plugin has a runner already")

// A GivenUpError is Run's error for a plugin that is not started again.
type GivenUpError struct {
	Plugin  string
	Tries   int    // failures in a row
	Problem string // the last one
}

// Error says which plugin, how often it has failed, and how it did last.
func (e *GivenUpError) Error() string {
	if e.Tries == 0 {
		return fmt.Sprintf("plugin %s cannot be run: %s", e.Plugin, e.Problem)
	}
	return fmt.Sprintf("plugin %s is given up after %d failures in a row: %s", e.Plugin, e.Tries, e.Problem)
}

// An outcome is how one life of a plugin has ended.
type outcome struct {
	problem string        // "": well
	well    time.Duration // for how long it was ready
	fatal   bool          // it cannot be started again
	asked   bool          // the runner was told to stop
}

// What comes after an outcome.
type verdict int

const (
	again    verdict = iota
	finished         // it has ended as it was to
	givenUp
)

// A policy decides about restarts.
type policy struct {
	plugins.Restart
	tries int // failures in a row
	short int // lives in a row that were not as long as Steady ready, also those that ended well: the pause grows with them
}

// after says what comes after an outcome, and after what pause.
func (p *policy) after(o outcome) (verdict, time.Duration) {
	if o.well >= time.Duration(p.Steady) {
		p.steady()
	}
	if o.problem == "" {
		p.tries = 0
		if p.Policy != "always" {
			return finished, 0
		}
	} else {
		p.tries++
		if o.fatal || p.Policy == "never" || p.Tries >= 0 && p.tries >= p.Tries {
			return givenUp, 0
		}
	}
	p.short++
	return again, p.pause()
}

// steady is told when a life has lasted long enough.
func (p *policy) steady() { p.tries, p.short = 0, 0 }

// pause is how long to wait now: First, and twice as long each time, up to Most; a fifth more or less, so that plugins that failed
// together do not all come back together.
func (p *policy) pause() time.Duration {
	most := time.Duration(p.Most)
	pause := min(time.Duration(p.First), most)
	for i := 1; i < p.short && pause < most; i++ {
		pause = min(2*pause, most)
	}
	return min(time.Duration(float64(pause)*(0.8+0.4*rand.Float64())), most)
}
