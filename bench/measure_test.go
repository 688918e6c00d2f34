//go:build linux

package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"shmbus/bench/report"
	"shmbus/bus"
)

// loose is a runner and a taker that is open until it is closed.
type loose struct{ closed int }

func (l *loose) run(uint64) (outcome, error)                    { return outcome{}, nil }
func (l *loose) turn(time.Duration) (map[string]float64, error) { return nil, nil }
func (l *loose) pids() []int                                    { return nil }
func (l *loose) close()                                         { l.closed++ }

// TestWhoFailsIsClosedAtOnce: what is left of it would have a CPU in the turns of the others.
func TestWhoFailsIsClosedAtOnce(t *testing.T) {
	failed := errors.New("torn")
	contender, grows := new(loose), new(loose)
	e, w := &entrant{runner: contender}, &walker{taker: grows}
	if err := errors.Join(e.out(t.Context(), nil), w.out(t.Context(), nil)); err != nil || contender.closed+grows.closed > 0 {
		t.Fatalf("who has not failed is closed, or out: %v", err)
	}
	for range 2 { // the second time there is nothing more to close
		if err := errors.Join(e.out(t.Context(), failed), w.out(t.Context(), failed)); err != nil {
			t.Fatal(err)
		}
	}
	if contender.closed != 1 || grows.closed != 1 || e.runner != nil || w.taker != nil {
		t.Errorf("closed %d and %d times; there are still %v and %v", contender.closed, grows.closed, e.runner, w.taker)
	}
	if e.line.Err != "torn" || w.point.Err != "torn" {
		t.Errorf("%q and %q", e.line.Err, w.point.Err)
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	e, w = &entrant{}, &walker{}
	if e.out(ctx, failed) == nil || w.out(ctx, failed) == nil || e.line.Err != "" || w.point.Err != "" {
		t.Error("the end of the whole is told as that of one")
	}
}

// TestOnePairHasTheRingOfTheCrowd: what more publishers and subscribers take is not to be what a larger ring takes.
func TestOnePairHasTheRingOfTheCrowd(t *testing.T) {
	crowd := report.Cell{Mode: report.Throughput, Size: 64, Pubs: 2, Subs: 1}
	pair := report.Cell{Mode: report.Throughput, Size: 64, Pubs: 1, Subs: 1}
	seen := 0
	for _, c := range contenders() {
		want, ring := crowd, topic(crowd)
		switch c.name {
		case "shmbus adaptive, one to one":
			want, ring = pair, topic(pair)
		case "shmbus adaptive, one to one, same ring":
			want = pair
		case "shmbus adaptive":
		default:
			continue
		}
		seen++
		if cell, got := c.shape(crowd); cell != want || got != ring || !c.takesPart(crowd) {
			t.Errorf("%s: %+v with %+v, want %+v with %+v", c.name, cell, got, want, ring)
		}
	}
	if seen != 3 {
		t.Errorf("%d of the three are there", seen)
	}
}

// TestIceoryxHasAsManyChunksAsOurRingHasFrames: with more of them its messages would lie in no cache where ours do.
func TestIceoryxHasAsManyChunksAsOurRingHasFrames(t *testing.T) {
	for _, c := range []struct{ size, slots, cell, want int }{
		{64, 8192, 64, 256}, {1 << 10, 4096, 1 << 10, 256}, {64 << 10, 64, 64 << 10, 64}, {64 << 10, 256, 64 << 10, 256}, {1 << 20, 1024, 64 << 10, 64}, {1 << 20, 64, 64 << 10, 64},
	} {
		if got := queue(c.size, bus.TopicOptions{Slots: c.slots, CellSize: c.cell}); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
