package wake_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"shmbus/internal/fence/fencetest"
	"shmbus/internal/mem"
	"shmbus/wake"
	"shmbus/wake/waketest"
)

// needFences skips where no ringer saves its fences, and otherwise waits until this process's may.
func needFences(t *testing.T) {
	t.Helper()
	fencetest.Need(t, "ringers never look without a fence that they need")
}

// calm rings until the ringer is silent.
func calm(t *testing.T, r *wake.Ringer, bell *wake.Bell) {
	t.Helper()
	for i := range wake.CalmRings {
		if r.Silent() || bell.Unfenced() {
			t.Fatalf("silent after %d rings", i)
		}
		r.Ring()
	}
	if !r.Silent() || !bell.Unfenced() {
		t.Fatalf("not silent after %d calm rings, the bell is %#x", wake.CalmRings, bell.Value())
	}
}

func TestARingerIsSilentAfterCalmRingsUntilSomebodySleeps(t *testing.T) {
	needFences(t)
	n, bell := wake.Default(), &waketest.Heap().Bell
	a, b := wake.NewRinger(bell, n), wake.NewRinger(bell, n)
	calm(t, &a, bell)
	if b.Silent() {
		t.Error("a ringer is silent that does not know yet that it may be")
	}
	b.Ring()
	if !b.Silent() {
		t.Error("a second ringer fences where the first one does not")
	}
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	if err := w.Wait(context.Background(), bell, never, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if a.Silent() || b.Silent() || bell.Unfenced() || !bell.Asleep() {
		t.Fatalf("after a sleep the bell is %#x", bell.Value())
	}
	a.Ring()
	if bell.Asleep() || a.Silent() {
		t.Fatalf("after a ring the bell is %#x", bell.Value())
	}
	calm(t, &a, bell)
}

func TestARingKeepsTheBitThatOnlySleepersMayClear(t *testing.T) {
	n, bell := wake.Default(), &waketest.Heap().Bell
	r := wake.NewRinger(bell, n)
	bell.Set(1 | 1<<31) // a sleeper is about to have all fenced
	r.Ring()
	if bell.Asleep() || !bell.Unfenced() {
		t.Fatalf("the bell is %#x", bell.Value())
	}
}

func TestARingerThatPollsLeavesTheBellAlone(t *testing.T) {
	bell := &waketest.Heap().Bell
	r := wake.NewRinger(bell, wake.Poll(0))
	for range 3 * wake.CalmRings {
		r.Ring()
	}
	if bell.Value() != 0 {
		t.Fatalf("the bell is %#x", bell.Value())
	}
}

// TestNoRingWithoutAFenceIsMissed is two goroutines that count each other up. Who rings looks without a fence if it may, and the other one has
// just gone to sleep, or is about to: it looks for a while first, which is another one each time. Stores to lines that the other one had last keep
// the store that counts from being seen for long. A ring that is missed lasts until the context ends.
func TestNoRingWithoutAFenceIsMissed(t *testing.T) {
	needFences(t)
	rounds := uint64(20000)
	if runtime.GOMAXPROCS(0) == 1 { // then the two never meet, and each turn takes a sleep
		rounds = 1000
	}
	for _, strategy := range []wake.Strategy{wake.Block, wake.Adaptive} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		a := &counter{here: waketest.Heap(), there: waketest.Heap(), mine: new(mem.Word), theirs: new(mem.Word), strategy: strategy, ballast: new([16]cell)}
		b := &counter{here: a.there, there: a.here, mine: a.theirs, theirs: a.mine, strategy: strategy, ballast: a.ballast}
		done := make(chan error, 1)
		go func() { done <- b.count(ctx, rounds, 0) }()
		if err := a.count(ctx, rounds, 1); err != nil {
			t.Fatalf("%v: %v", strategy, err)
		}
		if err := <-done; err != nil {
			t.Fatalf("%v: %v", strategy, err)
		}
	}
}

// A counter sleeps until the other one has counted, and counts too.
type counter struct {
	here, there  *wake.Line
	mine, theirs *mem.Word
	strategy     wake.Strategy
	ballast      *[16]cell
}

func (c *counter) count(ctx context.Context, rounds, first uint64) error {
	n := wake.Default()
	w := wake.NewWaiter(n, c.strategy)
	defer w.Close()
	r := wake.NewRinger(&c.there.Bell, n)
	for i := range rounds {
		if i >= first {
			want := i + 1 - first
			for k := rand.IntN(4000); c.theirs.Load() < want && k > 0; k-- {
			}
			for c.theirs.Load() < want {
				if err := w.Wait(ctx, &c.here.Bell, func() bool { return c.theirs.Load() >= want }, 0); err != nil {
					return err
				}
			}
		}
		c.there.Bell.Calm()
		for j := range c.ballast {
			c.ballast[j].StoreRelease(i)
		}
		c.mine.StoreRelease(i + 1)
		if !r.Silent() {
			r.Ring()
		}
	}
	return nil
}

// A cell is a word alone in its cache line.
type cell struct {
	mem.Word
	_ [56]byte
}
