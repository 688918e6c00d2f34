package report

import (
	"fmt"
	"slices"
)

// A mark is how near to the hardware one of ours is to be: a median of ratios.
type mark struct {
	cell, name string
	should     bound
}

var marks = []mark{
	{"latency-spin-64", "shmbus spin", atMost(1.2)},
	{"latency-block-64", "shmbus block", atMost(1.2)},
	{"latency-spin-1M", "shmbus spin, in place", atMost(1.1)},
	{"throughput-1to1-64", "shmbus spin", atLeast(.6)},
	{"throughput-1to1-64", "shmbus spin, exclusive", atLeast(.8)},
	{"throughput-1to1-64", "shmbus spin, batches of 32", atLeast(.95)},
}

// crowdMark is what a frame may take with two publishers or subscribers.
var crowdMark = atLeast(.6)

// hundredths shows a mark that is a ratio.
func hundredths(v float64) string { return fmt.Sprintf("%.2f", v) }

// Verdicts are all marks of cells that were measured, each peer that is not behind what it is compared with, or is at the edge of it, and, in cells
// of latency, the nearest message library.
func (r *Result) Verdicts() (all []Verdict) {
	for i := range r.Tables {
		t := &r.Tables[i]
		for _, m := range marks {
			l := t.Line(m.name)
			if m.cell != t.Cell.Name() || l == nil || len(l.Runs) == 0 {
				continue
			}
			if is := t.OverBare(l); len(is.Series) > 0 {
				all = append(all, Verdict{
					Cell: m.cell, Name: m.name, Is: is.said("of " + t.BareName()), Should: m.should.said(hundredths), Judgement: is.judge(m.should), Rounds: is.rounds,
				})
			}
		}
		all = append(all, t.ahead()...)
		if v, ok := t.nearest(); ok {
			all = append(all, v)
		}
	}
	for i := range r.Growth {
		all = append(all, r.Growth[i].verdicts()...)
	}
	return append(all, r.crowds()...)
}

// libraries are message libraries, which take more than ten times as long as we do.
var libraries = []string{"ZeroMQ", "ZeroMQ, polling", "nng", "mangos", "NATS", "Redis"}

var behind, farBehind = moreThan(1), moreThan(10)

// ahead are peers that are not as far behind ours as they should be, or at the edge of it.
func (t *Table) ahead() (all []Verdict) {
	for i := range t.Lines {
		l := &t.Lines[i]
		should := behind
		if t.Cell.Mode == Throughput && slices.Contains(libraries, l.Name) {
			should = farBehind
		}
		over := t.OverOurs(l)
		if len(over.Series) == 0 || over.judge(should) == (Judgement{Met: true}) {
			continue
		}
		v := Verdict{
			Cell: t.Cell.Name(), Name: l.Name, Is: over.said("times " + l.Against), Should: should.String(), Judgement: over.judge(should), Rounds: over.rounds,
		}
		t.outdone(&v, l, should)
		all = append(all, v)
	}
	return all
}

// adaptive is ours that looks for messages before it sleeps, in cells where those who wait sleep; otherwise nil.
func (t *Table) adaptive() *Line {
	if t.Cell.Mode != Latency || t.Cell.Spin {
		return nil
	}
	return t.Line("shmbus adaptive")
}

// outdone looks whether a peer that is ahead where both wait without a poll is behind ours that looks before it sleeps, and burns more CPU time
// than it: then it owes being ahead to that time. Ours that sleeps at once is behind it all the same.
func (t *Table) outdone(v *Verdict, peer *Line, should bound) {
	with, other := t.Line(peer.Against), t.adaptive()
	if other == nil || with.CPU() == nil || other.CPU() == nil || peer.CPU() == nil {
		return
	}
	over, burnt := peer.over(other), peer.beside(other, cpuOf)
	v.Is = t.OverOurs(peer).said(fmt.Sprintf("times %s with %s of its CPU time", peer.Against, ratio(peer.beside(with, cpuOf).Series))) + "; " +
		over.said(fmt.Sprintf("times %s with %s", other.Name, ratio(burnt.Series)))
	is, cost := over.judge(should), burnt.judge(behind)
	v.Adaptive = &Judgement{Met: is.Met && cost.Met, Edge: is.Edge || cost.Edge}
	v.Rounds = min(v.Rounds, over.rounds, burnt.rounds) // each of them is part of it
}

// nearest is the message library that is nearest to ours in a cell of latency. Where those who wait sleep, the kernel's wake-up is most of it, which
// the library pays as well: there it is the one that is nearest to ours that looks before it sleeps, and is judged beside that.
func (t *Table) nearest() (v Verdict, ok bool) {
	if t.Cell.Mode != Latency {
		return v, false
	}
	var least float64
	for i := range t.Lines {
		l := &t.Lines[i]
		over := t.OverOurs(l)
		if !slices.Contains(libraries, l.Name) || len(over.Series) == 0 {
			continue
		}
		one := Verdict{
			Cell: t.Cell.Name(), Name: l.Name + ", the nearest library", Is: over.said("times " + l.Against), Should: farBehind.String(),
			Judgement: over.judge(farBehind), Rounds: over.rounds,
		}
		counts := over
		if other := t.adaptive(); other != nil && len(l.over(other).Series) > 0 {
			counts = l.over(other)
			j := counts.judge(farBehind)
			one.Is, one.Adaptive, one.Rounds = one.Is+"; "+counts.said("times "+other.Name), &j, min(one.Rounds, counts.rounds)
		}
		nearer, judged := !ok || counts.Median() < least, one.Rounds >= verdictRounds
		if was := v.Rounds >= verdictRounds; ok && judged != was {
			nearer = judged // one that fell out early is not in the way of a verdict
		}
		if nearer {
			v, least, ok = one, counts.Median(), true
		}
	}
	return v, ok
}

// crowds compares what a frame takes with two publishers or two subscribers with what it takes with one of each, in the same round.
func (r *Result) crowds() (all []Verdict) {
	for i := range r.Tables {
		t := &r.Tables[i]
		for _, with := range []string{"one to one", "one to one, same ring"} {
			crowd, pair := t.Line("shmbus adaptive"), t.Line("shmbus adaptive, "+with)
			if crowd == nil || pair == nil {
				continue
			}
			if is := pair.over(crowd); len(is.Series) > 0 {
				all = append(all, Verdict{
					Cell: t.Cell.Name(), Name: crowd.Name, Is: is.said("of " + with), Should: crowdMark.said(hundredths), Judgement: is.judge(crowdMark), Rounds: is.rounds,
				})
			}
		}
	}
	return all
}
