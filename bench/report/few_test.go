package report

import (
	"strings"
	"testing"
)

// TestAQuantileOfTooFewIsNotShown: neither of a cell nor of a series, in a table, a plot or a mark. The largest is, and what does not tell of how many it is.
func TestAQuantileOfTooFewIsNotShown(t *testing.T) {
	for count, want := range map[uint64]string{0: "2.00 ns / 3.00 ns / 4.00 ns", 99: "– / – / 4.00 ns", 100: "2.00 ns / – / 4.00 ns", 1000: "2.00 ns / 3.00 ns / 4.00 ns"} {
		l := &Line{Name: "x", Runs: []Run{{Count: count, NS: 1, P99: 2, P999: 3, Max: 4}}}
		if tail := l.Tail(); strings.Join(tail[:], " / ") != want {
			t.Errorf("of %d: %v, want %s", count, tail, want)
		}
		r := &Result{Tables: []Table{{Cell: Cell{Mode: Latency, Size: 1024, Pubs: 1, Subs: 1}, Lines: []Line{*l}}}}
		if text := r.Markdown("bench"); !strings.Contains(text, "| x | "+want+" |") {
			t.Errorf("of %d: no %q in\n%s", count, want, text)
		}
	}
	for count, want := range map[float64]string{0: "200 ns | 300 ns | 400 ns |", 99: "– | – | 400 ns |", 100: "200 ns | – | 400 ns |", 1000: "200 ns | 300 ns | 400 ns |"} {
		f := map[string]float64{"p50": 100, "p99": 200, "p999": 300, "max": 400}
		if count > 0 {
			f["samples"] = count
		}
		g := &Growth{Name: GrowthTail, Rounds: 1, Points: []Point{
			{Curve: loopName, X: 0, Turns: []Turn{{Figures: f}}}, {Curve: "spin", X: 0, Turns: []Turn{{Figures: f}}},
		}}
		r := &Result{Growth: []Growth{*g}}
		text, shown := r.Markdown("bench"), !strings.Contains(want, "– | 400")
		if !strings.Contains(text, "| spin | nothing | 100 ns | "+want) || strings.Contains(text, "p99.9: – where a turn has fewer than 1000 samples") == shown {
			t.Errorf("of %.0f: no %q in\n%s", count, want, text)
		}
		if got := len(r.Verdicts()) > 0; got != shown {
			t.Errorf("of %.0f: a mark is judged: %v", count, got)
		}
		if got := strings.Count(string(g.svg(new(Session))), "<circle") > len(g.curves()); got != shown {
			t.Errorf("of %.0f: it is drawn: %v", count, got)
		}
	}
}

func TestFewerTurnsThanRoundsAreTold(t *testing.T) {
	point := func(curve string, x float64, n int) Point {
		return Point{Curve: curve, X: x, Turns: make([]Turn, n)}
	}
	g := &Growth{Name: GrowthRings, Rounds: 11, Points: []Point{
		point("make", 1<<20, 3), point("make", 2<<20, 3), point("nobody receives", 1<<20, 11), point("to another process", 1<<20, 11), point("to another process", 2<<20, 3),
		{Curve: "nobody receives", X: 2 << 20, Turns: make([]Turn, 2), Err: "torn"}, // this is told otherwise
	}}
	if got := strings.Join(g.fewer(), " "); got != "Medians of 3 rounds only: make; to another process at 2 MiB." {
		t.Errorf("%q", got)
	}
	if text := (&Result{Growth: []Growth{*g}}).Markdown("bench"); !strings.Contains(text, "- Medians of 3 rounds only: make") {
		t.Errorf("it is not below the table:\n%s", text)
	}
}
