package cpu

import (
	"testing"
	"time"
)

func TestPausesAreCountedByWhatTheyTook(t *testing.T) {
	for took, want := range map[time.Duration]int{
		0:                     64, // the clock has not gone on
		1:                     1024,
		256:                   1000, // 1 ns a pause
		256 * 15:              66,
		256 * 45:              22,
		time.Millisecond:      4,
		time.Hour:             4,
		-1 * time.Microsecond: 64,
	} {
		if n := perMicrosecond(took); n != want {
			t.Errorf("%d pauses in %v: %d a microsecond, want %d", measured, took, n, want)
		}
	}
	if n := PausesPerMicrosecond(); n < 4 || n > 1024 {
		t.Errorf("%d pauses a microsecond", n)
	}
}
