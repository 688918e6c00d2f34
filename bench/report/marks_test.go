package report

import (
	"slices"
	"strings"
	"testing"

	"shmbus/internal/bench"
)

func TestAMarkBetweenTheQuartilesIsMetOrNotAtTheEdge(t *testing.T) {
	for _, c := range []struct {
		b    bound
		s    bench.Series
		want string
	}{
		{atMost(1.2), bench.Series{1, 1.1, 1.2, 1.2, 5}, "met"},
		{atMost(1.2), bench.Series{1, 1.1, 1.2, 1.3, 5}, "met, at the edge"},
		{atMost(1.2), bench.Series{1, 1.1, 1.3, 1.4, 5}, "NOT MET, at the edge"},
		{atMost(1.2), bench.Series{1, 1.3, 1.3, 1.4, 5}, "NOT MET"},
		{atLeast(.6), bench.Series{.1, .6, .7, .8, .9}, "met"},
		{atLeast(.6), bench.Series{.1, .5, .7, .8, .9}, "met, at the edge"},
		{atLeast(.6), bench.Series{.1, .2, .5, .6, .9}, "NOT MET, at the edge"},
		{lessThan(5), bench.Series{5, 5, 5}, "NOT MET"},
		{moreThan(10), bench.Series{10, 10, 10}, "NOT MET"},
		{moreThan(10), bench.Series{7.8, 7.8, 11.4, 12.7}, "NOT MET, at the edge"},
	} {
		if got := c.b.judge(c.s).word(); got != c.want {
			t.Errorf("%v beside %v: %s, want %s", c.s, c.b, got, c.want)
		}
	}
}

// moded are rounds of a cell in which the stream of the hardware takes 10 ns: ours takes so long in rounds that are near, and so long in far ones.
func moded(near, far []float64) *Result {
	l := Line{Name: "shmbus spin, exclusive", Ours: true}
	for i, v := range slices.Concat(near, far) {
		b := Bare{Line: 50, Stream: 10}
		if i >= len(near) {
			b.Line = 200
		}
		l.Runs = append(l.Runs, Run{Round: i, Bare: b, NS: v})
	}
	return &Result{Tables: []Table{{Cell: Cell{Mode: Throughput, Size: 64, Pubs: 1, Subs: 1}, Lines: []Line{l}}}}
}

func TestAMarkIsToldOfEachModeAndMetInEach(t *testing.T) {
	slow, quick := []float64{20}, []float64{5} // 0.5 and 2 of the bare stream; 0.8 is the mark
	for _, c := range []struct {
		near, far []float64
		word, is  string
	}{
		{slices.Repeat(quick, 11), nil, "met", "2.00 (2.00–2.00) of bare stream"},
		{slices.Repeat(slow, 5), slices.Repeat(quick, 6), "met, at the edge", "2.00 (0.50–2.00) of bare stream; near 0.50 in 5, far 2.00 in 6"},
		{slices.Repeat(slow, 9), slices.Repeat(quick, 11), "met, at the edge", "; near 0.50 in 9, far 2.00 in 11"},
		{slices.Repeat(slow, 10), slices.Repeat(quick, 11), "NOT MET", "; near 0.50 in 10, far 2.00 in 11"},
		{slices.Repeat(quick, 11), slices.Repeat(slow, 10), "NOT MET", "; near 2.00 in 11, far 0.50 in 10"},
		{slices.Concat(slices.Repeat(slow, 6), slices.Repeat(quick, 5)), slices.Repeat(quick, 11), "NOT MET, at the edge", "; near 0.50 in 11, far 2.00 in 11"},
	} {
		v := moded(c.near, c.far).Verdicts()
		if len(v) != 1 || v[0].word() != c.word || !strings.HasSuffix(v[0].Is, c.is) {
			t.Errorf("%d near, %d far: %+v, want %s, %s", len(c.near), len(c.far), v, c.word, c.is)
		}
	}
}

func TestAVerdictBesideBothOfOursNamesThem(t *testing.T) {
	met, not, edge := Judgement{Met: true}, Judgement{}, Judgement{Edge: true}
	for _, c := range []struct {
		block    Judgement
		adaptive *Judgement
		want     string
	}{
		{met, nil, "met"},
		{met, &met, "met"},
		{not, &not, "NOT MET"},
		{not, &met, "NOT MET beside block, met beside adaptive"},
		{edge, &met, "NOT MET, at the edge (beside block); met (beside adaptive)"},
	} {
		if got := (Verdict{Judgement: c.block, Adaptive: c.adaptive, Rounds: verdictRounds}).word(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestAPeerThatIsBehindInMostRoundsOnlyIsNamed(t *testing.T) {
	r := sample()
	stream := &r.Tables[1]
	nng := stream.Line("mangos")
	for round, v := range []float64{990, 990, 1200, 1200, 1200, 990, 1200, 1200, 990, 1200} {
		if round < len(nng.Runs) {
			nng.Runs[round].NS = v
		} else {
			nng.Runs = append(nng.Runs, Run{Round: round, NS: v})
		}
		if block := stream.Line("shmbus block"); round >= len(block.Runs) {
			block.Runs = append(block.Runs, Run{Round: round, NS: 100})
		}
	}
	v := r.Verdicts()
	i := slices.IndexFunc(v, func(v Verdict) bool { return v.Name == "mangos" })
	if i < 0 || v[i].word() != "met, at the edge" {
		t.Errorf("%+v", v)
	}
}

// libraryCell is a cell of latency with two libraries and a peer that is none.
func libraryCell(spin bool, rounds int, ours, adaptive, near, far float64) *Result {
	runs := func(n int, ns float64) (all []Run) {
		for i := range n {
			all = append(all, Run{Round: i, NS: ns})
		}
		return all
	}
	against := "shmbus block"
	if spin {
		against = "shmbus spin"
	}
	lines := []Line{
		{Name: against, Ours: true, Runs: runs(10, ours)},
		{Name: "Redis", Against: against, Runs: runs(10, far)},
		{Name: "nng", Against: against, Runs: runs(rounds, near)},
		{Name: "FIFO", Against: against, Runs: runs(10, 1.5*ours)},
	}
	if adaptive > 0 {
		lines = append(lines, Line{Name: "shmbus adaptive", Ours: true, Runs: runs(10, adaptive)})
	}
	return &Result{Tables: []Table{{Cell: Cell{Mode: Latency, Size: 1024, Pubs: 1, Subs: 1, Spin: spin}, Lines: lines}}}
}

func TestTheNearestLibraryOfACellOfLatencyIsNamed(t *testing.T) {
	const block, adaptive = " times shmbus block", " times shmbus adaptive"
	for _, c := range []struct {
		r              *Result
		name, is, word string
	}{
		{libraryCell(true, 10, 1, 0, 9, 99), "nng", "9.00 (9.00–9.00) times shmbus spin", "NOT MET"},
		{libraryCell(true, 10, 1, 0, 11, 99), "nng", "11.0 (11.0–11.0) times shmbus spin", "met"},
		{libraryCell(true, 9, 1, 0, 9, 99), "Redis", "99.0 (99.0–99.0) times shmbus spin", "met"}, // the other one fell out
		{libraryCell(false, 10, 10, 1, 20, 30), "nng", "2.00 (2.00–2.00)" + block + "; 20.0 (20.0–20.0)" + adaptive, "NOT MET beside block, met beside adaptive"},
		{libraryCell(false, 10, 10, 5, 20, 30), "nng", "2.00 (2.00–2.00)" + block + "; 4.00 (4.00–4.00)" + adaptive, "NOT MET"},
		{libraryCell(false, 10, 10, 0, 20, 30), "nng", "2.00 (2.00–2.00)" + block, "NOT MET"},
	} {
		v := c.r.Verdicts()
		if len(v) != 1 || v[0].Name != c.name+", the nearest library" || v[0].Is != c.is || v[0].Should != "more than 10" || v[0].word() != c.word {
			t.Errorf("%+v %s, want %s: %s: %s", v, v[0].word(), c.name, c.is, c.word)
		}
	}
}
