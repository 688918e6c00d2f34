package report

import (
	"reflect"
	"testing"
)

// readings are those of rounds from 0 on, in modes that are letters: n, near; f, far.
func readings(modes string, v ...float64) (all []reading) {
	for i := range v {
		all = append(all, reading{i, modes[i] == 'n', v[i]})
	}
	return all
}

func TestRoundsWhoseTurnsAreOfUnlikeModeAreLeftOutOfRatios(t *testing.T) {
	ones := []float64{1, 1, 1, 1, 1, 1, 1}
	v := []float64{1, 2, 3, 4, 5, 60, 70}
	for _, c := range []struct {
		a, b string
		want []float64
		says string
	}{
		{"nnnnnnn", "nnnnnnn", v, "4.00 (2.00–60.0) of it"},
		{"nnnnnnn", "nnnnnff", v[:5], "3.00 (2.00–4.00) of it; 2 of 7 rounds left out"},
		{"nnnffnf", "nnnfffn", v[:5], "3.00 (2.00–4.00) of it; near 2.00 in 3, far 4.50 in 2, 2 of 7 rounds left out"},
		{"nnnnnnn", "nnnnfff", v, "4.00 (2.00–60.0) of it; near 2.50 in 4, from one to the other in 3"}, // four are too few
	} {
		got := within(readings(c.a, v...), readings(c.b, ones...))
		if !reflect.DeepEqual([]float64(got.Series), c.want) || got.rounds != len(v) || got.said("of it") != c.says {
			t.Errorf("%s beside %s: %v of %d rounds, %q", c.a, c.b, got.Series, got.rounds, got.said("of it"))
		}
	}
}

// TestAllRatiosLeaveThemOut: those of cells and those of series.
func TestAllRatiosLeaveThemOut(t *testing.T) {
	near, far := Bare{Line: 50}, Bare{Line: 200}
	a, b := &Line{}, &Line{}
	p, q := &Point{}, &Point{}
	for i := range 6 {
		beside := near
		if i == 5 {
			beside = far
		}
		f := map[string]float64{"ns": 2}
		a.Runs, b.Runs = append(a.Runs, Run{Round: i, Bare: near, NS: 2, CPU: 2}), append(b.Runs, Run{Round: i, Bare: beside, NS: 2, CPU: 2})
		p.Turns, q.Turns = append(p.Turns, Turn{i, near, f}), append(q.Turns, Turn{i, beside, f})
	}
	for name, r := range map[string]Ratios{"time": a.over(b), "CPU time": a.beside(b, cpuOf), "points": p.over(q, "ns")} {
		if len(r.Series) != 5 || r.rounds != 6 {
			t.Errorf("%s: %d of %d rounds", name, len(r.Series), r.rounds)
		}
	}
}
