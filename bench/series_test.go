//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shmbus/bench/report"
)

// wants are the figures that each point of a series has, at least; and what they must be.
var wants = map[string]struct {
	figures []string
	good    func(f map[string]float64) bool
}{
	report.GrowthCalls:       {[]string{"ns", "allocations"}, nil},
	report.GrowthSubscribers: {[]string{"publisher", "received"}, func(f map[string]float64) bool { return f["received"] > 0 && f["received"] <= 1 }},
	report.GrowthTopics:      {[]string{"ns"}, nil},
	report.GrowthAttach: {[]string{"attach", "subscribe", "publisher", "subscription", "publication", "shared", "make"}, func(f map[string]float64) bool {
		return f["attach"] < 1e9 && f["shared"] < 1<<20
	}},
	report.GrowthBlocked: {[]string{"p50", "p99", "samples", "wake", "threads", "cpu"}, func(f map[string]float64) bool {
		return f["p50"] <= f["p99"] && f["threads"] >= 2 && f["threads"] < 20
	}},
	report.GrowthRings: {nil, func(f map[string]float64) bool {
		return f["ns"] > 0 || f["make"] > 0 && f["attach"] > 0 && f["remove"] > 0
	}},
	report.GrowthFrames: {[]string{"ns", "gbs"}, nil},
	report.GrowthWaiting: {[]string{"cpu", "p50", "p99", "p999", "max", "samples", "publish"}, func(f map[string]float64) bool {
		return f["p50"] <= f["max"] && f["cpu"] < 2.5
	}},
	report.GrowthIdle: {[]string{"cpu", "long"}, func(f map[string]float64) bool { return f["cpu"] < 2.5 && f["long"] >= float64(idleTiny) }},
	report.GrowthTail: {[]string{"collections", "p50", "p99", "p999", "max", "samples"}, func(f map[string]float64) bool { return f["p999"] <= f["max"] }},
}

// That all frames came, each once, the scenes see.
func TestEachSeriesIsMeasured(t *testing.T) {
	needCPUs(t)
	l, err := openLab(t.Context(), []string{"none"}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	bare, err := startCalibrator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer bare.crew.Close()
	r := new(report.Result)
	for _, s := range allSeries(tiny) {
		t.Run(s.name, func(t *testing.T) {
			long := 2 * time.Millisecond
			if s.name == report.GrowthTail {
				long = 25 * time.Millisecond // of fewer samples than there are then p99.9 is not drawn
			}
			g, err := l.grow(t.Context(), bare, s, 2, long, func(int) {})
			if err != nil {
				t.Fatal(err)
			}
			r.Growth = append(r.Growth, *g)
			if len(g.Points) < 4 && s.name != report.GrowthAttach || len(g.Points) < 2 {
				t.Errorf("%d points", len(g.Points))
			}
			w, ok := wants[s.name]
			if !ok {
				t.Fatal("nobody knows what this series has to have")
			}
			for _, p := range g.Points {
				if p.Err != "" || len(p.Turns) != 2 {
					t.Errorf("%s at %v: %d turns, %s", p.Curve, p.X, len(p.Turns), p.Err)
				}
				for _, turn := range p.Turns {
					for _, name := range w.figures {
						if v, ok := turn.Figures[name]; !ok || v < 0 {
							t.Errorf("%s at %v: %s is %v, %v", p.Curve, p.X, name, v, ok)
						}
					}
					if w.good != nil && !w.good(turn.Figures) {
						t.Errorf("%s at %v: these cannot be: %v", p.Curve, p.X, turn.Figures)
					}
				}
			}
		})
	}
	shown(t, r)
}

// shown wants the result to be shown, with a plot for each series.
func shown(t *testing.T, r *report.Result) {
	t.Helper()
	md := filepath.Join(t.TempDir(), "BENCHMARKS.md")
	if err := os.WriteFile(md, []byte("<!-- figures: put in by bench, do not edit -->\n<!-- end of figures -->\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Publish(md, filepath.Join(filepath.Dir(md), "bench")); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(md)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range r.Growth {
		plot := "bench/" + g.Name + ".svg"
		if !strings.Contains(string(b), "("+plot+")") {
			t.Errorf("%s is not shown in\n%s", plot, b)
		}
		if svg, err := os.ReadFile(filepath.Join(filepath.Dir(md), plot)); err != nil || !strings.Contains(string(svg), "<circle") {
			t.Errorf("%s has no points: %v", plot, err)
		}
	}
}

func TestSeriesAreChosenLikeCells(t *testing.T) {
	for words, want := range map[string]int{"growth": len(allSeries(everything)), "growth-rings,growth-tail": 2, "latency": 0} {
		if got := len(matchSeries(strings.Split(words, ","), everything)); got != want {
			t.Errorf("%s: %d series, want %d", words, got, want)
		}
	}
	for _, s := range allSeries(everything) {
		if _, ok := wants[s.name]; !ok {
			t.Errorf("%s has no test", s.name)
		}
	}
}

// TestLossySubscribersReadMostlyWhileOnePublishes: what they still find in the ring afterwards is a small part, however many they are.
func TestLossySubscribersReadMostlyWhileOnePublishes(t *testing.T) {
	needCPUs(t)
	l, err := openLab(t.Context(), []string{"none"}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for _, p := range subscribersPoints([]float64{64}) {
		if p.curve != "lossy" {
			continue
		}
		w, err := p.start(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		defer w.close()
		f, err := w.turn(30 * time.Millisecond)
		if err != nil || f["received"] > .05 || f["received"] == 0 {
			t.Errorf("%v: %v", f, err)
		}
	}
}
