package wake_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"shmbus/internal/mem"
	"shmbus/wake"
	"shmbus/wake/waketest"
)

func never() bool { return false }

func TestALineIsOneCacheLine(t *testing.T) {
	if size := reflect.TypeFor[wake.Line]().Size(); size != 64 {
		t.Errorf("a Line has %d bytes", size)
	}
	if size := reflect.TypeFor[wake.Bell]().Size(); size != 4 {
		t.Errorf("a Bell has %d bytes", size)
	}
}

func TestARingClearsTheBitAndCounts(t *testing.T) {
	n := wake.Default()
	for before, after := range map[uint32]uint32{
		0: 0, 1: 2, 2: 2, 3: 4, 1<<31 - 1: 0, 1 << 31: 1 << 31, 1<<31 + 1: 1<<31 + 2, 1<<32 - 2: 1<<32 - 2, 1<<32 - 1: 1 << 31,
	} {
		bell := &waketest.Heap().Bell
		bell.Set(before)
		if got := bell.Asleep(); got != (before&1 == 1) {
			t.Errorf("%#x: Asleep is %v", before, got)
		}
		bell.Ring(n)
		if got := bell.Value(); got != after {
			t.Errorf("%#x: a ring makes it %#x, want %#x", before, got, after)
		}
	}
}

func TestAWaitOutlivesAnythingStoredIntoItsBell(t *testing.T) {
	n, bell := wake.Default(), &waketest.Heap().Bell
	var stop atomic.Bool
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for !stop.Load() {
			bell.Set(rand.Uint32())
			bell.Ring(n)
			runtime.Gosched()
		}
	}()
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	var flag mem.Word
	for range 20 {
		if err := w.Wait(context.Background(), bell, never, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	time.AfterFunc(time.Millisecond, func() { flag.Store(1) }) // no ring: the limit covers it
	for flag.Load() == 0 {
		if err := w.Wait(context.Background(), bell, func() bool { return flag.Load() == 1 }, 5*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	stop.Store(true)
	<-gone
}

func TestTheSpinGrowsWhereItPaysAndShrinksWhereItDoesNot(t *testing.T) {
	w := wake.NewWaiter(wake.Default(), wake.Adaptive)
	defer w.Close()
	first := w.Budget()
	w.Paid(12 * time.Microsecond)
	if got := w.Budget(); got <= first || got > 30*time.Microsecond {
		t.Errorf("from %v to %v after a spin of 12µs that paid", first, got)
	}
	w.Paid(time.Millisecond) // it was taken off its CPU
	if got := w.Budget(); got > 50*time.Microsecond {
		t.Errorf("it grew to %v", got)
	}
	for range 30 {
		w.Missed()
	}
	if got := w.Budget(); got < time.Microsecond || got > 2*time.Microsecond {
		t.Errorf("%v are left after 30 spins in vain", got)
	}
}

func TestNobodySpinsWithOneCPU(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	w := wake.NewWaiter(wake.Default(), wake.Adaptive)
	defer w.Close()
	looks := 0
	if err := w.Wait(context.Background(), nil, func() bool { looks++; return false }, time.Microsecond); err != nil {
		t.Fatal(err)
	}
	if looks > 10 {
		t.Errorf("it looked %d times before one short sleep", looks)
	}
}

// oddContext cannot be compared, and is unknown to package context.
type oddContext struct {
	context.Context
	parts []int
	done  chan struct{}
}

func (c oddContext) Done() <-chan struct{} { return c.done }

func (c oddContext) Err() error {
	select {
	case <-c.done:
		return errOdd
	default:
		return nil
	}
}

var errOdd = errors.New("odd")

func TestAnyKindOfContextWillDo(t *testing.T) {
	w := wake.NewWaiter(wake.Default(), wake.Block)
	defer w.Close()
	odd := oddContext{context.Background(), []int{1}, make(chan struct{})}
	for range 2 {
		if err := w.Wait(odd, nil, never, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	time.AfterFunc(time.Millisecond, func() { close(odd.done) })
	if err := w.Wait(odd, nil, never, 0); !errors.Is(err, errOdd) {
		t.Errorf("Wait: %v", err)
	}
}

func TestAClosedWaiterLeavesTheContextAloneAndStillWorks(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	w := wake.NewWaiter(wake.Default(), wake.Block)
	if err := w.Wait(ctx, nil, never, time.Microsecond); err != nil {
		t.Fatal(err)
	}
	w.Close()
	w.Close()
	cancel()
	start := time.Now()
	if err := w.Wait(context.Background(), nil, never, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < time.Millisecond {
		t.Errorf("a context that was let go ended a wait after %v", took)
	}
}

func TestACallbackOfAnEarlierRegistrationChangesNothing(t *testing.T) {
	p := wake.NewPoke()
	p.Register(7)
	p.Register(8)
	if p.Finish(7) || p.Pending() {
		t.Error("an earlier registration marked the word")
	}
	p.Set()
	p.Register(9)
	if !p.Clear() {
		t.Error("a registration took a poke away")
	}
	if !p.Finish(9) || p.Finish(9) || !p.Pending() {
		t.Error("the registration that counts must mark the word, once")
	}
}

// refusing is a backend whose system calls fail.
type refusing struct{ wake.Notifier }

func (refusing) Sleep(*wake.Bell, uint32, *wake.Poke, time.Duration) error { return errOdd }
func (refusing) Wake(*wake.Bell) error                                     { return errOdd }

func TestASleepThatIsRefusedIsAnErrorAndARingIsNot(t *testing.T) {
	n, bell := refusing{wake.Poll(0)}, &waketest.Heap().Bell
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	if err := w.Wait(context.Background(), bell, never, time.Second); !errors.Is(err, errOdd) {
		t.Errorf("Wait: %v", err)
	}
	bell.Set(1)
	bell.Ring(n)
	if bell.Value() != 2 {
		t.Errorf("the bell is %#x after a ring", bell.Value())
	}
}

// TestAWaiterThatIsNearLooksForIt: woken too early, it looks for what is about to be there, and needs no second ring; otherwise it does.
func TestAWaiterThatIsNearLooksForIt(t *testing.T) {
	if runtime.NumCPU() == 1 {
		t.Skip("one CPU: nobody looks for anything")
	}
	n := wake.Default()
	for _, near := range []bool{true, false} {
		bell, w := &waketest.Heap().Bell, wake.NewWaiter(n, wake.Block)
		defer w.Close()
		var there, asked atomic.Bool
		w.Near = func() bool {
			asked.Store(true)
			there.Store(near)
			return near
		}
		done := make(chan error, 1)
		go func() { done <- w.Wait(t.Context(), bell, there.Load, time.Minute) }()
		for !bell.Asleep() {
			runtime.Gosched()
		}
		bell.Ring(n)
		if !near {
			for !asked.Load() || !bell.Asleep() { // it sleeps on
				runtime.Gosched()
			}
			there.Store(true)
			bell.Ring(n)
		}
		if err := <-done; err != nil || !there.Load() || !asked.Load() {
			t.Errorf("near %v: %v, there %v, asked %v", near, err, there.Load(), asked.Load())
		}
	}
}

// TestAWaiterThatWasRungInVainAsksHowLongItMaySleepOn, with the bell armed: so it hears of all that came before, and a ring tells of all that comes later. More
// rings in vain do not put the end off.
func TestAWaiterThatWasRungInVainAsksHowLongItMaySleepOn(t *testing.T) {
	n, bell := wake.Default(), &waketest.Heap().Bell
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	var rung atomic.Bool
	w.Most = func(left time.Duration) time.Duration {
		if rung.Load() {
			return 50 * time.Millisecond
		}
		if !bell.Asleep() {
			t.Error("asked before the bell is armed")
		}
		return left
	}
	done := make(chan error, 1)
	go func() { done <- w.Wait(t.Context(), bell, never, time.Minute) }()
	for !bell.Asleep() {
		runtime.Gosched()
	}
	rung.Store(true)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); runtime.Gosched() {
		bell.Ring(n)
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
	}
	t.Error("it sleeps on, as long as before")
}
