//go:build linux

package main

import (
	"fmt"

	"shmbus/bench/report"
	"shmbus/internal/bench"
)

// loss is how much more than before something may cost.
const loss = .10

// A result is one cell, both sides, by pair.
type result struct {
	name          string
	beside        bool // costs are ratios to the bare hardware; otherwise they are ns
	before, after bench.Series
}

// ratios are what it costs now over what it cost before, by pair.
func (r result) ratios() bench.Series { return r.after.Over(r.before) }

// judged says whether there are enough pairs for a verdict.
func (r result) judged() bool { return len(r.before) >= pairsAtLeast }

// lost says whether it costs too much more.
func (r result) lost() bool { return r.judged() && r.ratios().Median() > 1+loss }

func (r result) String() string {
	ratios := r.ratios()
	lo, hi := report.Quartiles(ratios)
	show := report.Duration
	if r.beside {
		show = func(v float64) string { return fmt.Sprintf("%.2f of bare", v) }
	}
	verdict := ""
	switch {
	case r.lost() && lo <= 1:
		verdict = "  LOST, but a quarter of the pairs say otherwise: run it again"
	case r.lost():
		verdict = "  LOST"
	case r.judged() && ratios.Median() < 1-loss:
		verdict = "  gained"
	}
	return fmt.Sprintf("%-24s %16s before %16s now   now/before %.3f (%.3f–%.3f, %.3f–%.3f)%s", r.name, show(r.before.Median()), show(r.after.Median()),
		ratios.Median(), lo, hi, ratios.Least(), ratios.Most(), verdict)
}
