package bench

import (
	"fmt"
	"slices"
)

// A Series is the figures of one job, one for each turn.
type Series []float64

// Median is the middle one.
func (s Series) Median() float64 {
	c := slices.Sorted(slices.Values(s))
	if len(c) == 0 {
		return 0
	}
	return (c[(len(c)-1)/2] + c[len(c)/2]) / 2
}

// Least is the smallest; 0 if there is nothing.
func (s Series) Least() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Min(s)
}

// Most is the largest; 0 if there is nothing.
func (s Series) Most() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Max(s)
}

// String is "median (least–largest)".
func (s Series) String() string {
	if len(s) == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%.3g (%.3g–%.3g)", s.Median(), s.Least(), s.Most())
}

// Over is the ratio of each turn's figure to the other job's in the same turn.
func (s Series) Over(o Series) Series {
	r := make(Series, min(len(s), len(o)))
	for i := range r {
		r[i] = s[i] / o[i]
	}
	return r
}

// Inverse is n divided by each figure.
func (s Series) Inverse(n float64) Series {
	r := make(Series, len(s))
	for i, v := range s {
		r[i] = n / v
	}
	return r
}
