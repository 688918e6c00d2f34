//go:build shmbus_sched

package topics

import (
	"testing"
	"time"

	"shmbus/internal/sched"
)

// TestInterleavings searches every scenario, with and without store buffers. With SHMBUS_LONG it goes deeper, and at last tries to see
// every state there is.
func TestInterleavings(t *testing.T) {
	for _, tso := range []bool{false, true} {
		for _, p := range plots() {
			p.TSO = tso
			if tso {
				p.Name += ", store buffers"
			}
			t.Run(p.Name, func(t *testing.T) { search(t, p) })
		}
	}
}

// search searches with growing budgets, so that what is found is found by a short way.
func search(t *testing.T, p *plot) {
	budgets, limit := []int{0, 1, 2}, 5*time.Second
	if p.heavy {
		budgets = budgets[:2]
	}
	if long {
		budgets, limit = []int{0, 1, 2, 3, -1}, 15*time.Second
	}
	x := p.start()
	for _, budget := range budgets {
		start := time.Now()
		r := x.Search(sched.Bounds{Budget: budget, Time: start.Add(limit)})
		if r.Violation != nil {
			t.Fatal(r.Violation)
		}
		how := "all of"
		if !r.Complete {
			how = "a part of"
		}
		t.Logf("budget %2d: %s %d states, %d runs, %d steps, the longest %d, %v",
			budget, how, r.States, r.Runs, r.Steps, r.Deepest, time.Since(start).Round(time.Millisecond))
	}
}
