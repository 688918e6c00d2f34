package wake

import (
	"context"
	"testing"
	"time"
)

func TestNapsAreAShareOfTheTimeSleptInVain(t *testing.T) {
	p := Poll(40 * time.Millisecond).(*poller)
	for idle, want := range map[time.Duration]time.Duration{
		0:                     pollFirst,
		time.Millisecond:      pollFirst,
		20 * time.Millisecond: 5 * time.Millisecond,
		time.Hour:             40 * time.Millisecond,
	} {
		if got := p.nap(idle); got != want {
			t.Errorf("after %v: %v, want %v", idle, got, want)
		}
	}
}

func TestAnIdlePollerSeldomLooks(t *testing.T) {
	w := NewWaiter(Poll(0), Block)
	looks := 0
	ready := func() bool { looks++; return false }
	const rest = 300 * time.Millisecond
	if err := w.Wait(context.Background(), nil, ready, rest); err != nil {
		t.Fatal(err)
	}
	if looks > 80 { // two a nap, and 26 naps
		t.Errorf("%d looks in %v", looks, rest)
	}
	if nap := w.notifier.(*poller).nap(w.poke.idle); nap < rest/5 {
		t.Errorf("the next nap is only %v", nap)
	}
}

func TestAPollerThatFoundSomethingLooksOftenAgain(t *testing.T) {
	w := NewWaiter(Poll(0), Block)
	if err := w.Wait(context.Background(), nil, func() bool { return false }, 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	looks := 0
	if err := w.Wait(context.Background(), nil, func() bool { looks++; return looks == 3 }, 0); err != nil {
		t.Fatal(err)
	}
	if w.poke.idle != 0 {
		t.Errorf("it still counts %v as slept in vain", w.poke.idle)
	}
}
