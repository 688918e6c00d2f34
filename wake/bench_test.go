package wake_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"shmbus/internal/mem"
	"shmbus/wake"
	"shmbus/wake/waketest"
)

func BenchmarkAsleep(b *testing.B) {
	bell := &waketest.Heap().Bell
	for b.Loop() {
		if bell.Asleep() {
			b.Fatal("nobody sleeps")
		}
	}
}

func BenchmarkRingWithNoSleeper(b *testing.B) {
	n, bell := wake.Default(), &waketest.Heap().Bell
	for b.Loop() {
		bell.Ring(n)
	}
}

func BenchmarkRingWithABitLeftBehind(b *testing.B) {
	n, bell := wake.Default(), &waketest.Heap().Bell
	for b.Loop() {
		bell.Set(1)
		bell.Ring(n)
	}
}

func BenchmarkWaitThatIsReady(b *testing.B) {
	w := wake.NewWaiter(wake.Default(), wake.Adaptive)
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	bell, ready := &waketest.Heap().Bell, func() bool { return true }
	for b.Loop() {
		_ = w.Wait(ctx, bell, ready, time.Second)
	}
}

// BenchmarkHandover is there and back between two goroutines.
func BenchmarkHandover(b *testing.B) {
	for name, backend := range available {
		for _, strategy := range []wake.Strategy{wake.Block, wake.Adaptive, wake.Spin} {
			b.Run(name+"/"+strategy.String(), func(b *testing.B) { handover(b, backend(), strategy) })
		}
	}
}

func handover(b *testing.B, n wake.Notifier, strategy wake.Strategy) {
	there, back := waketest.Heap(), waketest.Heap()
	ping, pong := &waketest.Padded().Word, &waketest.Padded().Word
	const end = 1 << 62
	gone := make(chan struct{})
	play := func(w *wake.Waiter, line *wake.Line, word *mem.Word, want uint64) {
		ready := func() bool { return word.Load() >= want }
		for !ready() {
			_ = w.Wait(context.Background(), &line.Bell, ready, 0)
		}
	}
	go func() {
		defer close(gone)
		w := wake.NewWaiter(n, strategy)
		for i := uint64(1); ping.Load() < end; i++ {
			play(w, there, ping, i)
			pong.Store(i)
			back.Bell.Ring(n)
		}
	}()
	w := wake.NewWaiter(n, strategy)
	for i := uint64(1); b.Loop(); i++ {
		ping.Store(i)
		there.Bell.Ring(n)
		play(w, back, pong, i)
	}
	ping.Store(end)
	there.Bell.Ring(n)
	<-gone
}

func BenchmarkHandoverBetweenProcesses(b *testing.B) {
	for name, backend := range available {
		for _, strategy := range []wake.Strategy{wake.Block, wake.Spin} {
			b.Run(name+"/"+strategy.String(), func(b *testing.B) {
				waketest.BenchmarkProcesses(b, name, backend(), strategy)
			})
		}
	}
}

// BenchmarkWakeAfterARealSleep rings for a goroutine that has slept for half a millisecond, and measures one way.
func BenchmarkWakeAfterARealSleep(b *testing.B) {
	n, line := wake.Default(), waketest.Heap()
	var rung, seen mem.Word
	began := time.Now()
	woken := make(chan time.Duration, 1)
	go func() {
		defer close(woken)
		w := wake.NewWaiter(n, wake.Block)
		ready := func() bool { return rung.Load() != seen.Load() }
		for {
			for !ready() {
				_ = w.Wait(context.Background(), &line.Bell, ready, 0)
			}
			at := rung.Load()
			seen.Store(at)
			if at == 1 {
				return
			}
			woken <- time.Since(began) - time.Duration(at)
		}
	}()
	var took []time.Duration
	for b.Loop() {
		time.Sleep(500 * time.Microsecond) // not synchronisation: pacing, the sleeper's CPU goes idle
		rung.Store(uint64(time.Since(began)))
		line.Bell.Ring(n)
		took = append(took, <-woken)
	}
	rung.Store(1)
	line.Bell.Ring(n)
	<-woken
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2]), "p50-ns/way")
	b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns/way")
}
