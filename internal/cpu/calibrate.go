package cpu

import (
	"sync"
	"time"
)

// PausesPerMicrosecond is how many pauses take about a microsecond: 7 to 70 on CPUs of today, more where a pause is no more than an
// instruction. It is measured once; the least of several is the undisturbed one.
var PausesPerMicrosecond = sync.OnceValue(func() int {
	const pauses = 256
	least := time.Hour
	for range 5 {
		start := time.Now()
		for range pauses {
			Pause(1)
		}
		least = min(least, time.Since(start))
	}
	return min(max(int(pauses*time.Microsecond/max(least, 1)), 4), 1024)
})
