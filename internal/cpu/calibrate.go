package cpu

import (
	"sync"
	"time"
)

// PausesPerMicrosecond is how many pauses take about a microsecond: 7 to 70 on CPUs of today, more where a pause is no more than an
// instruction. It is measured once; the least of several is the undisturbed one.
var PausesPerMicrosecond = sync.OnceValue(func() int {
	least := time.Hour
	for range 5 {
		start := time.Now()
		for range measured {
			Pause(1)
		}
		least = min(least, time.Since(start))
	}
	return perMicrosecond(least)
})

// measured is how many pauses are timed together.
const measured = 256

// perMicrosecond is how many pauses take a microsecond if those that were timed together took that long. A clock that goes in steps of a
// millisecond, as that of Windows, says that they took no time: then a pause is taken to be 15 ns, as it is on most.
func perMicrosecond(took time.Duration) int {
	if took <= 0 {
		return 64
	}
	return min(max(int(measured*time.Microsecond/took), 4), 1024)
}
