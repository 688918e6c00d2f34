package report

import (
	_ "embed" // for the figures
	"fmt"
	"strconv"
	"strings"

	"shmbus/internal/bench"
)

//go:embed earlier.tsv
var earlierText string

// tolerance is how far a figure may be from what it was earlier.
const tolerance = .25

// An earlier is a figure of an earlier measurement.
type earlier struct {
	cell, name string
	lo, hi     float64 // ns
	mode       string  // near, far or any
	note       string
}

func parseEarlier(text string) (all []earlier, err error) {
	for row := range strings.Lines(text) {
		row = strings.TrimRight(row, "\n")
		if strings.HasPrefix(row, "#") {
			continue
		}
		f := strings.Split(row, "\t")
		if len(f) != 5 {
			return nil, fmt.Errorf("earlier.tsv: %q has %d columns, not 5", row, len(f))
		}
		e := earlier{cell: f[0], name: f[1], mode: f[3], note: f[4]}
		lo, hi, _ := strings.Cut(f[2], "-")
		if e.lo, err = strconv.ParseFloat(lo, 64); err != nil {
			return nil, err
		}
		if e.hi = e.lo; hi != "" {
			if e.hi, err = strconv.ParseFloat(hi, 64); err != nil {
				return nil, err
			}
		}
		all = append(all, e)
	}
	return all, nil
}

// A Check is a figure beside that of an earlier measurement.
type Check struct {
	Cell, Name string
	Now        float64 // ns, the median of the runs in the mode
	Lo, Hi     float64 // ns, earlier
	Mode       string
	Runs       int // in that mode
	Note       string
}

// Within says whether it is not more than a quarter above or below.
func (c Check) Within() bool { return c.Now >= c.Lo*(1-tolerance) && c.Now <= c.Hi*(1+tolerance) }

// Checks compares the result with the earlier figures, where there is one and the machine was in the same mode.
func (r *Result) Checks() (all []Check) {
	figures, err := parseEarlier(earlierText)
	if err != nil {
		panic(err) // the file is part of the program; a test reads it
	}
	for i := range r.Tables {
		t := &r.Tables[i]
		for _, e := range figures {
			if e.cell != t.Cell.Name() {
				continue
			}
			if s := t.inMode(e); len(s) > 0 {
				all = append(all, Check{e.cell, e.name, s.Median(), e.lo, e.hi, e.mode, len(s), e.note})
			}
		}
	}
	return all
}

// inMode is the figures of the runs that an earlier figure may be compared with.
func (t *Table) inMode(e earlier) (s bench.Series) {
	l := t.Line(e.name)
	if l == nil {
		return nil
	}
	for i := range l.Runs {
		if near := l.Runs[i].Bare.Near(); e.mode == "any" || near == (e.mode == "near") {
			s = append(s, l.Runs[i].NS)
		}
	}
	return s
}
