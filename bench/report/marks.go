package report

import (
	"fmt"
	"slices"
)

// A mark is how near to the hardware one of ours is to be: a median of ratios.
type mark struct {
	cell, name  string
	most, least float64 // one of the two
}

var marks = []mark{
	{"latency-spin-64", "shmbus spin", 1.2, 0},
	{"latency-block-64", "shmbus block", 1.2, 0},
	{"latency-spin-1M", "shmbus spin, in place", 1.1, 0},
	{"throughput-1to1-64", "shmbus spin", 0, .6},
	{"throughput-1to1-64", "shmbus spin, exclusive", 0, .8},
	{"throughput-1to1-64", "shmbus spin, batches of 32", 0, .95},
}

// A Verdict is whether a mark is met, or which peer is nearer to us than it should be.
type Verdict struct {
	Cell, Name string
	Is, Should string
	Met        bool
	Rounds     int // in which it was compared; fewer than verdictRounds are no verdict
}

// Verdicts are all marks of cells that were measured, and each peer that is not behind what it is compared with.
func (r *Result) Verdicts() (all []Verdict) {
	for i := range r.Tables {
		t := &r.Tables[i]
		for _, m := range marks {
			l := t.Line(m.name)
			if m.cell != t.Cell.Name() || l == nil || len(l.Runs) == 0 {
				continue
			}
			is := t.OverBare(l)
			if len(is.Series) == 0 {
				continue
			}
			v := Verdict{Cell: m.cell, Name: m.name, Is: is.said("of " + t.BareName()), Rounds: is.rounds}
			v.Should, v.Met = fmt.Sprintf("at most %.2f", m.most), is.Median() <= m.most
			if m.least > 0 {
				v.Should, v.Met = fmt.Sprintf("at least %.2f", m.least), is.Median() >= m.least
			}
			all = append(all, v)
		}
		all = append(all, t.ahead()...)
	}
	for i := range r.Growth {
		all = append(all, r.Growth[i].verdicts()...)
	}
	return append(all, r.crowds()...)
}

// libraries are message libraries, that carry at most a tenth of what we do.
var libraries = []string{"ZeroMQ", "nng", "mangos", "NATS", "Redis"}

// ahead are peers that are not as far behind ours as they should be.
func (t *Table) ahead() (all []Verdict) {
	for i := range t.Lines {
		l := &t.Lines[i]
		times, should := 1.0, "more than 1"
		if t.Cell.Mode == Throughput && slices.Contains(libraries, l.Name) {
			times, should = 10, "more than 10"
		}
		if over := t.OverOurs(l); len(over.Series) > 0 && over.Median() <= times {
			v := Verdict{Cell: t.Cell.Name(), Name: l.Name, Is: over.said("times " + l.Against), Should: should, Rounds: over.rounds}
			t.outdone(&v, l, times)
			all = append(all, v)
		}
	}
	return all
}

// outdone looks whether a peer that is ahead where both wait without a poll owes it to CPU time that it burns meanwhile: then one of ours that
// burns less than it is far enough ahead of it. Ours that sleeps at once is compared with those that do so.
func (t *Table) outdone(v *Verdict, peer *Line, times float64) {
	if t.Cell.Mode != Latency || t.Cell.Spin {
		return
	}
	with, other := t.Line(peer.Against), t.Line("shmbus adaptive")
	if other == nil || with.CPU() == nil || other.CPU() == nil || peer.CPU() == nil {
		return
	}
	over, burnt := peer.over(other), peer.beside(other, cpuOf)
	v.Is += fmt.Sprintf(" with %s of its CPU time; %s times %s with %s", ratio(peer.beside(with, cpuOf).Series), ratio(over.Series), other.Name, ratio(burnt.Series))
	v.Met = over.Median() > times && burnt.Median() > 1
	v.Rounds = min(v.Rounds, over.rounds, burnt.rounds) // each of them is part of it
}

// crowds compares what a frame takes with two publishers or two subscribers with what it takes with one of each, in the same round.
func (r *Result) crowds() (all []Verdict) {
	const least = .6
	for i := range r.Tables {
		t := &r.Tables[i]
		crowd, pair := t.Line("shmbus adaptive"), t.Line("shmbus adaptive, one to one")
		if crowd == nil || pair == nil {
			continue
		}
		if is := pair.over(crowd); len(is.Series) > 0 {
			all = append(all, Verdict{
				Cell: t.Cell.Name(), Name: crowd.Name, Is: is.said("of one to one"), Should: fmt.Sprintf("at least %.2f", least), Met: is.Median() >= least,
				Rounds: is.rounds,
			})
		}
	}
	return all
}

// row is a verdict for a table.
func (v Verdict) row() []string {
	met := "NOT MET"
	switch {
	case v.Rounds < verdictRounds:
		met = "–"
	case v.Met:
		met = "met"
	}
	return []string{v.Cell, v.Name, v.Is, v.Should, met}
}
