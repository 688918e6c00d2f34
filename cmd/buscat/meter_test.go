package main

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// near says whether two numbers differ by no more than rounding.
func near(a, b float64) bool {
	return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b))
}

func TestAKnownSeriesHasKnownSums(t *testing.T) {
	var s series
	for _, x := range []float64{2, 4, 4, 4, 5, 5, 7, 9} {
		s.add(x)
	}
	if s.n != 8 || s.mean != 5 || s.deviation() != 2 || s.min != 2 || s.max != 9 {
		t.Errorf("%+v, deviation %v", s, s.deviation())
	}
	if (series{}).deviation() != 0 {
		t.Error("the deviation of nothing")
	}
}

// TestSeriesMerge: in pieces it is the same as in one, and as the textbook's two passes.
func TestSeriesMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SliceOf(rapid.Float64Range(-1e6, 1e6)), 0, 5).Draw(t, "pieces")
		var whole, merged series
		var all []float64
		for _, p := range pieces {
			var s series
			for _, x := range p {
				s.add(x)
				whole.add(x)
			}
			all = append(all, p...)
			merged.merge(s)
		}
		mean, squares := 0.0, 0.0
		for _, x := range all {
			mean += x / float64(len(all))
		}
		for _, x := range all {
			squares += (x - mean) * (x - mean)
		}
		want := math.Sqrt(squares / max(1, float64(len(all))))
		for _, s := range []series{whole, merged} {
			if s.n != uint64(len(all)) || s.min != whole.min || s.max != whole.max ||
				math.Abs(s.mean-mean) > 1e-6 || math.Abs(s.deviation()-want) > 1e-6*max(1, want) {
				t.Fatalf("%+v, deviation %v; want mean %v, deviation %v", s, s.deviation(), mean, want)
			}
		}
	})
}

func TestGapsAndRates(t *testing.T) {
	start := time.Unix(1700000000, 0)
	m := &meter{count: counters{at: start}}
	at := start.UnixNano()
	ms := func(n int64) int64 { return at + n*1e6 }
	m.add(ms(0), 10, 0)
	m.add(ms(100), 20, 0)
	m.add(ms(220), 30, 0)
	window, total, now := m.report(counters{start, 3, 60, start.Add(time.Second)}, true, 2)
	if g := window.gaps; now.published != 3 || now.received != 3 || g.n != 2 || g.min != 100e6 || g.max != 120e6 || g.mean != 110e6 || !near(g.deviation(), 10e6) {
		t.Errorf("gaps %+v, deviation %v", window.gaps, window.gaps.deviation())
	}
	if f := window.frequency(); !near(f, 1/0.110) {
		t.Errorf("%v frames/s", f)
	}
	// Five are lost, in 400 ms: they count in the rate, and the gap over them is none.
	if n := m.add(ms(820), 20, 5); n != 6 {
		t.Errorf("%d frames are new", n)
	}
	m.add(ms(920), 20, 5)
	window, total, _ = m.report(counters{start, 10, 200, start.Add(2 * time.Second)}, true, 2)
	if window.received != 5 || window.lost != 5 || window.gaps.n != 3 || window.gaps.max != 120e6 || !near(window.frequency(), 9/0.920) {
		t.Errorf("%+v, %v frames/s", window, window.frequency())
	}
	// By the topic's counters.
	if window.framesPerSecond() != 5 || window.bytesPerSecond() != 100 || window.meanSize() != 20 || window.sizes.min != 10 || window.sizes.max != 30 {
		t.Errorf("%v frames/s, %v bytes/s, mean size %v", window.framesPerSecond(), window.bytesPerSecond(), window.meanSize())
	}
	// The window moves on; the total does not. A topic that is made again counts from 0.
	window, total, now = m.report(counters{start.Add(1), 4, 40, start.Add(3 * time.Second)}, true, 2)
	if now.published != 4 || now.received != 0 || window.received != 2 || window.published != 11 || total.published != 14 || total.received != 5 || total.elapsed != 3*time.Second {
		t.Errorf("%+v, %+v, %v", window, total, now)
	}
	// One that is gone cannot be asked: what was received counts.
	m.add(ms(1000), 33, 7)
	window, total, _ = m.report(counters{at: start.Add(4 * time.Second)}, false, 1)
	if window.published != 3 || window.bytes != 33 || total.published != 17 {
		t.Errorf("%+v, %+v", window, total)
	}
	if _, _, now = m.report(counters{at: start.Add(5 * time.Second)}, false, 1); now.seen()+now.published != 0 {
		t.Error("nothing is new")
	}
}

// TestFramesOutOfTime: a publisher may be overtaken between its look at the clock and its commit.
func TestFramesOutOfTime(t *testing.T) {
	m := &meter{}
	for _, at := range []int64{1000, 3000, 2000, 5000} {
		m.add(at, 0, 0)
	}
	window, _, _ := m.report(counters{}, true, 1)
	if g := window.gaps; g.min != 0 || g.max != 2000 || window.stride != 4000 {
		t.Errorf("%+v over %v", g, window.stride)
	}
}
