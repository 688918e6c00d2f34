package waketest

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"shmbus/internal/mem"
	"shmbus/wake"
)

// suite is one backend over one kind of memory.
type suite struct {
	backend func() wake.Notifier
	memory  func() *wake.Line
}

// Run runs the suite as subtests of t under name. backend makes the backend; memory makes a fresh bell, all zero.
func Run(t *testing.T, name string, backend func() wake.Notifier, memory func() *wake.Line) {
	s := &suite{backend, memory}
	t.Run(name, func(t *testing.T) {
		for _, strategy := range []wake.Strategy{wake.Block, wake.Adaptive, wake.Spin} {
			t.Run("NoWakeIsLostOverManyHandovers/"+strategy.String(), func(t *testing.T) { s.handovers(t, strategy, s.rounds(strategy)) })
		}
		t.Run("OneCPUIsEnough", s.oneCPU)
		t.Run("AllSleepersAreWoken", s.allSleepers)
		t.Run("ARingBetweenFlagAndSleepIsNotLost", s.ringBeforeSleep)
		t.Run("NoSystemCallWhenNobodySleeps", s.noSystemCall)
		t.Run("OneOfSeveralRingersWakes", s.oneWakes)
		t.Run("TheLimitIsKept", s.limit)
		t.Run("AWakeForSomethingElseDoesNotEndAWait", s.otherWake)
		t.Run("NothingIsAllocated", s.allocations)
		s.endings(t)
	})
}

// rounds is how many handovers a backend can be asked for in a test.
func (s *suite) rounds(strategy wake.Strategy) uint64 {
	switch {
	case strategy == wake.Spin:
		return 300 // each may take a time slice when the machine has more to do
	case s.backend().Polls():
		return 40
	}
	return 2000
}

// handovers lets two goroutines take turns. A lost wake would hang: there is no limit to cover it.
func (s *suite) handovers(t *testing.T, strategy wake.Strategy, last uint64) {
	var ping, pong mem.Word
	there, back := s.memory(), s.memory()
	n, ctx := s.backend(), guarded(t)
	results := make(chan error, 2)
	play := func(mine, theirs *mem.Word, listen, call *wake.Line, first uint64) {
		w := wake.NewWaiter(n, strategy)
		defer w.Close()
		var want uint64
		ready := func() bool { return theirs.Load() >= want }
		for i := range last {
			want = i + first
			for !ready() {
				if err := w.Wait(ctx, &listen.Bell, ready, 0); err != nil {
					results <- fmt.Errorf("round %d of %d: %w", i, last, err)
					return
				}
			}
			mine.Store(i + 1)
			call.Bell.Ring(n)
		}
		results <- nil
	}
	go play(&ping, &pong, there, back, 0)
	go play(&pong, &ping, back, there, 1)
	for range 2 {
		if err := within(t, results, "handovers"); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *suite) oneCPU(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, strategy := range []wake.Strategy{wake.Block, wake.Adaptive, wake.Spin} {
		t.Run(strategy.String(), func(t *testing.T) { s.handovers(t, strategy, s.rounds(strategy)/5) })
	}
}

func (s *suite) allSleepers(t *testing.T) {
	const sleepers = 12
	turns := uint64(40)
	n, ctx, bell, back := s.backend(), guarded(t), s.memory(), s.memory()
	if n.Polls() {
		turns = 5
	}
	var turn, done mem.Word
	results := make(chan error, sleepers)
	for range sleepers {
		go func() {
			w := wake.NewWaiter(n, wake.Block)
			defer w.Close()
			for want := uint64(1); want <= turns; want++ {
				ready := func() bool { return turn.Load() >= want }
				for !ready() {
					if err := w.Wait(ctx, &bell.Bell, ready, 0); err != nil {
						results <- err
						return
					}
				}
				done.Add(1)
				back.Bell.Ring(n)
			}
			results <- nil
		}()
	}
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	for i := uint64(1); i <= turns; i++ {
		turn.Store(i)
		bell.Bell.Ring(n)
		ready := func() bool { return done.Load() == i*sleepers }
		for !ready() {
			if err := w.Wait(ctx, &back.Bell, ready, 0); err != nil {
				t.Fatalf("turn %d: %d of %d sleepers woke: %v", i, done.Load()-(i-1)*sleepers, sleepers, err)
			}
		}
	}
	for range sleepers {
		if err := within(t, results, "sleepers"); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *suite) ringBeforeSleep(t *testing.T) {
	var flag mem.Word
	n, line := spyOn(s.backend()), s.memory()
	n.before = func() {
		flag.Store(1)
		line.Bell.Ring(n)
	}
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	if err := w.Wait(guarded(t), &line.Bell, func() bool { return flag.Load() == 1 }, 0); err != nil || flag.Load() != 1 {
		t.Fatalf("Wait: %v, flag %d", err, flag.Load())
	}
}

func (s *suite) noSystemCall(t *testing.T) {
	n, line := spyOn(s.backend()), s.memory()
	for range 1000 {
		line.Bell.Ring(n)
	}
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	yes := func() bool { return true }
	for range 1000 {
		if err := w.Wait(context.Background(), &line.Bell, yes, 0); err != nil {
			t.Fatal(err)
		}
	}
	if n.wakes.Load() != 0 || n.sleeps.Load() != 0 || line.Bell.Value() != 0 {
		t.Fatalf("%d wakes, %d sleeps, bell %#x", n.wakes.Load(), n.sleeps.Load(), line.Bell.Value())
	}
}

func (s *suite) oneWakes(t *testing.T) {
	n, line := spyOn(s.backend()), s.memory()
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	if err := w.Wait(context.Background(), &line.Bell, never, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	want := int64(1) // the sleeper is gone, but its bit is still there: one ring too many, and it is gone as well
	if n.Polls() {
		want = 0
		if line.Bell.Value() != 0 {
			t.Fatalf("a poller wrote %#x into the bell", line.Bell.Value())
		}
	}
	results := make(chan error, 8)
	for range cap(results) {
		go func() {
			line.Bell.Ring(n)
			results <- nil
		}()
	}
	for range cap(results) {
		_ = within(t, results, "ringers")
	}
	if n.wakes.Load() != want {
		t.Fatalf("%d wakes, want %d", n.wakes.Load(), want)
	}
}

func (s *suite) limit(t *testing.T) {
	w := wake.NewWaiter(s.backend(), wake.Block)
	defer w.Close()
	line := s.memory()
	for _, bell := range []*wake.Bell{&line.Bell, nil} {
		for _, limit := range []time.Duration{1, time.Millisecond, 45 * time.Millisecond} {
			start := time.Now()
			if err := w.Wait(guarded(t), bell, never, limit); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took < limit || took > limit+watchdog/10 {
				t.Errorf("limit %v took %v", limit, took)
			}
		}
	}
}

func (s *suite) otherWake(t *testing.T) {
	var flag mem.Word
	n, line := spyOn(s.backend()), s.memory()
	w := wake.NewWaiter(n, wake.Block)
	defer w.Close()
	results := make(chan error, 1)
	go func() {
		err := w.Wait(guarded(t), &line.Bell, func() bool { return flag.Load() == 1 }, 0)
		if flag.Load() != 1 && err == nil {
			err = fmt.Errorf("it returned before its time")
		}
		results <- err
	}()
	for range 10 {
		<-n.asleep // it sleeps once more after every ring
		line.Bell.Ring(n)
		_ = n.Wake(&line.Bell)
	}
	flag.Store(1)
	line.Bell.Ring(n)
	if err := within(t, results, "the wake that counts"); err != nil {
		t.Fatal(err)
	}
}

func (s *suite) allocations(t *testing.T) {
	n, line := s.backend(), s.memory()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w := wake.NewWaiter(n, wake.Adaptive)
	defer w.Close()
	if got := testing.AllocsPerRun(20, func() {
		if err := w.Wait(ctx, &line.Bell, never, 10*time.Microsecond); err != nil {
			t.Fatal(err)
		}
		line.Bell.Ring(n)
		w.Poke()
		_ = w.Wait(ctx, &line.Bell, never, 0)
	}); got != 0 {
		t.Errorf("%v allocations a round", got)
	}
}
