package waketest

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"shmbus/wake"
)

// BenchmarkProcesses measures handovers between two processes, both with that strategy (Block or Spin): there and back is one
// operation. It reports the median one way. Main must know the backend, as for RunProcesses.
func BenchmarkProcesses(b *testing.B, name string, n wake.Notifier, strategy wake.Strategy) {
	path := filepath.Join(b.TempDir(), "stage")
	s, err := openStage(path)
	if err != nil {
		b.Skip(err)
	}
	helper := "echo"
	if strategy == wake.Spin {
		helper = "echo-spin"
	}
	cmd := helperCommand(b, helper, path, name, math.MaxUint64)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	w := wake.NewWaiter(n, strategy)
	defer w.Close()
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	var turn uint64
	handover := func() {
		turn++
		s.ping.Store(turn)
		s.there.Bell.Ring(n)
		if err := await(ctx, w, s.back, s.pong, turn); err != nil {
			b.Fatal(err)
		}
	}
	handover() // the helper has started
	trips := make([]time.Duration, 0, 1<<16)
	for b.Loop() {
		start := time.Now()
		handover()
		if len(trips) < cap(trips) {
			trips = append(trips, time.Since(start))
		}
	}
	slices.Sort(trips)
	b.ReportMetric(float64(trips[len(trips)/2])/2, "p50-ns/way")
	b.ReportMetric(float64(trips[len(trips)*99/100])/2, "p99-ns/way")
}
