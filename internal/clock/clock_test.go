package clock

import (
	"testing"
	"time"
)

func TestItFollowsTheWallClock(t *testing.T) {
	var c Clock
	worst, fast := time.Duration(0), 0
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		before := time.Now().UnixNano()
		now := Now(&c)
		after := time.Now().UnixNano()
		if after-before > 5000 {
			continue // interrupted
		}
		off := time.Duration(max(before-now, now-after, 0))
		worst = max(worst, off)
		if c.limit > 0 {
			fast++
		}
	}
	t.Logf("worst %v off, %d looks at the counter", worst, fast)
	if worst > 20*time.Microsecond {
		t.Errorf("%v off the wall clock", worst)
	}
	if trusted() && fast == 0 {
		t.Error("the counter was never used")
	}
}

func TestASteppedClockIsNotBelieved(t *testing.T) {
	if !trusted() {
		t.Skip("this CPU's counter is not used")
	}
	var c Clock
	for c.limit == 0 {
		Now(&c)
	}
	c.base.ns -= int64(time.Hour) // as if the wall clock had been set an hour ahead
	c.limit = 0
	before := time.Now().UnixNano()
	if now := Now(&c); now < before || now > time.Now().UnixNano() {
		t.Fatal("not the wall clock")
	}
	if c.limit != 0 {
		t.Fatal("a rate was believed that cannot be")
	}
}

func BenchmarkNow(b *testing.B) {
	var c Clock
	for b.Loop() {
		Now(&c)
	}
}

func BenchmarkTimeNow(b *testing.B) {
	for b.Loop() {
		time.Now().UnixNano()
	}
}
