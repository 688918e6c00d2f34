package main

import "math"

// A series sums numbers up as they come: Welford's way, which does not lose precision, and merged by Chan's.
type series struct {
	n        uint64
	mean     float64
	squares  float64 // of the distances from the mean
	min, max float64
}

func (s *series) add(x float64) {
	if s.n == 0 {
		s.min, s.max = x, x
	}
	s.n++
	d := x - s.mean
	s.mean += d / float64(s.n)
	s.squares += d * (x - s.mean)
	s.min, s.max = min(s.min, x), max(s.max, x)
}

// merge adds all numbers of another series.
func (s *series) merge(o series) {
	switch {
	case o.n == 0:
		return
	case s.n == 0:
		*s = o
		return
	}
	n, d := float64(s.n+o.n), o.mean-s.mean
	s.squares += o.squares + d*d*float64(s.n)*float64(o.n)/n
	s.mean += d * float64(o.n) / n
	s.n += o.n
	s.min, s.max = min(s.min, o.min), max(s.max, o.max)
}

// deviation is the standard deviation of the numbers.
func (s series) deviation() float64 {
	if s.n == 0 {
		return 0
	}
	return math.Sqrt(s.squares / float64(s.n))
}
