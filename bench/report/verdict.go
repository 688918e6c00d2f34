package report

import (
	"fmt"

	"shmbus/internal/bench"
)

// A bound is what a figure should be.
type bound struct {
	word  string
	v     float64
	meets func(is, v float64) bool
}

func atMost(v float64) bound {
	return bound{"at most", v, func(is, v float64) bool { return is <= v }}
}

func atLeast(v float64) bound {
	return bound{"at least", v, func(is, v float64) bool { return is >= v }}
}

func lessThan(v float64) bound {
	return bound{"less than", v, func(is, v float64) bool { return is < v }}
}

func moreThan(v float64) bound {
	return bound{"more than", v, func(is, v float64) bool { return is > v }}
}

func (b bound) String() string { return b.said(func(v float64) string { return fmt.Sprint(v) }) }

func (b bound) said(show func(v float64) string) string { return b.word + " " + show(b.v) }

// A Judgement is what a figure is beside its mark.
type Judgement struct {
	Met  bool
	Edge bool // the quartiles lie on both sides of it
}

func (j Judgement) word() string {
	s := "NOT MET"
	if j.Met {
		s = "met"
	}
	if j.Edge {
		s += ", at the edge"
	}
	return s
}

// judge judges medians. All of them have to meet the mark; if one does not, it is at the edge only if each that does not is.
func (b bound) judge(all ...bench.Series) Judgement {
	missed, edge, missedEdge := false, false, true
	for _, s := range all {
		lo, hi := Quartiles(s)
		astride := b.meets(lo, b.v) != b.meets(hi, b.v)
		edge = edge || astride
		if !b.meets(s.Median(), b.v) {
			missed, missedEdge = true, missedEdge && astride
		}
	}
	if missed {
		return Judgement{Edge: missedEdge}
	}
	return Judgement{Met: true, Edge: edge}
}

// judge judges ratios, and those of each mode of the cores that has enough of them: near and far together may meet what one of them does not.
func (r Ratios) judge(b bound) Judgement {
	all := []bench.Series{r.Series}
	for _, s := range []bench.Series{r.near, r.far} {
		if len(s) >= verdictRounds {
			all = append(all, s)
		}
	}
	return b.judge(all...)
}

// A Verdict is whether a mark is met, or which peer is nearer to us than it should be.
type Verdict struct {
	Cell, Name string
	Is, Should string
	Judgement
	Adaptive *Judgement // beside ours that looks before it sleeps, where the other one is beside ours that sleeps at once
	Rounds   int        // in which it was compared; fewer than verdictRounds are no verdict
}

// word is the verdict in short.
func (v Verdict) word() string {
	if v.Rounds < verdictRounds {
		return "–"
	}
	if v.Adaptive == nil || *v.Adaptive == v.Judgement {
		return v.Judgement.word()
	}
	if v.Edge || v.Adaptive.Edge {
		return fmt.Sprintf("%s (beside block); %s (beside adaptive)", v.Judgement.word(), v.Adaptive.word())
	}
	return fmt.Sprintf("%s beside block, %s beside adaptive", v.Judgement.word(), v.Adaptive.word())
}

// row is a verdict for a table.
func (v Verdict) row() []string { return []string{v.Cell, v.Name, v.Is, v.Should, v.word()} }
