package bus

import (
	"testing"
	"time"
)

// TestASetLooksWhenItsTimeHasCome, and not only when it is over: what is left to wait is more than 0, which means no limit.
func TestASetLooksWhenItsTimeHasCome(t *testing.T) {
	now := time.Now()
	for _, since := range []time.Duration{sweepFirst - 1, sweepFirst, sweepFirst + 1} {
		w := &WaitSet{swept: now.Add(-since), silence: sweepFirst}
		looked := w.sweep(now)
		if left := w.silence - now.Sub(w.swept); looked != (since >= sweepFirst) || left <= 0 {
			t.Errorf("after %v of %v: looked %v, and %v is left", since, sweepFirst, looked, left)
		}
	}
}
