//go:build amd64 || arm64

package wake

import (
	"runtime"
	"testing"
	"time"
)

func TestATallyKnowsWhoSleptInThisSecondOrTheOneBefore(t *testing.T) {
	var c tally
	a, b, d := NewPoke(), NewPoke(), NewPoke()
	for i, x := range []struct {
		p    *Poke
		at   time.Duration
		want int
	}{
		{a, 5000 * time.Millisecond, 1},
		{a, 5005 * time.Millisecond, 1},
		{b, 5900 * time.Millisecond, 2},
		{a, 6000 * time.Millisecond, 2}, // b slept a moment ago
		{d, 6001 * time.Millisecond, 2},
		{b, 6999 * time.Millisecond, 3},
		{a, 7000 * time.Millisecond, 3},
		{a, 8000 * time.Millisecond, 1},
		{b, 9500 * time.Millisecond, 1},
		{b, 12 * time.Second, 1}, // nobody slept in the second before
		{a, 12 * time.Second, 2},
	} {
		if got := c.add(&x.p.second, x.at); got != x.want {
			t.Errorf("step %d, at %v: %d, want %d", i, x.at, got, x.want)
		}
	}
}

// TestNobodySleepsOnAThreadOfItsOwnWhileACrowdIsAwake: all of it has just been woken, and wants to run.
func TestNobodySleepsOnAThreadOfItsOwnWhileACrowdIsAwake(t *testing.T) {
	var c crowd
	c.seats.Store(alone + 1)
	for range alone {
		c.crowded.add(&NewPoke().crowded, monotonic())
	}
	if !c.admit(direct) {
		t.Errorf("not while %d were in the crowd", alone)
	}
	c.crowded.add(&NewPoke().crowded, monotonic())
	if c.admit(direct) {
		t.Errorf("while %d were in the crowd", alone+1)
	}
	c.seats.Add(-1)
	if !c.admit(direct) {
		t.Error("not when one of them had gone")
	}
	p := NewPoke()
	if c.crowded.add(&p.crowded, monotonic()); !c.shows(p, monotonic()) || p.second != c.lately.second || p.crowded != c.crowded.second {
		t.Error("who is counted in the crowd is not counted among those with threads, too")
	}
	if c.crowded.of(monotonic()+2*time.Second) != 0 {
		t.Error("they are still there after two seconds")
	}
}

// TestSleepersLeaveAPForOthers: as soon as there are as many as Ps, none of them goes through the scheduler to keep its own.
func TestSleepersLeaveAPForOthers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	var c crowd
	for i, want := range []bool{true, true, false, false} {
		p := NewPoke()
		if got := c.shows(p, monotonic()); got != want {
			t.Errorf("sleeper %d of 3 Ps shows itself: %v", i+1, got)
		}
	}
	c = crowd{}
	c.threads.Store(1)
	if !c.shows(NewPoke(), monotonic()) || c.shows(NewPoke(), monotonic()) {
		t.Error("a watch's thread does not count")
	}
}
