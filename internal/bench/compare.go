//go:build linux

package bench

import (
	"fmt"
	"slices"
)

// A Series is the figures of one job, one for each turn.
type Series []float64

// Median, and the least and largest.
func (s Series) Median() float64 {
	c := slices.Sorted(slices.Values(s))
	if len(c) == 0 {
		return 0
	}
	return (c[(len(c)-1)/2] + c[len(c)/2]) / 2
}

// String is "median (least–largest)".
func (s Series) String() string {
	if len(s) == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%.3g (%.3g–%.3g)", s.Median(), slices.Min(s), slices.Max(s))
}

// Over is the ratio of each turn's figure to the other job's in the same turn.
func (s Series) Over(o Series) Series {
	r := make(Series, min(len(s), len(o)))
	for i := range r {
		r[i] = s[i] / o[i]
	}
	return r
}

// Turns runs the jobs in turn, so many times, with n messages each, and gives the nanoseconds a message of each.
func (p *Pair) Turns(turns, n int, jobs ...Job) ([]Series, error) {
	all := make([]Series, len(jobs))
	for range turns {
		for i, j := range jobs {
			_, ns, err := p.Run(j, n)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", j.Name, err)
			}
			all[i] = append(all[i], ns)
		}
	}
	return all, nil
}
