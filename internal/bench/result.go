package bench

import "time"

// A Turn is what one turn has measured.
type Turn struct {
	Line, Ring float64 // ns: half the round trip
	Stream     float64 // ns a message
	Outcome
}

// An Outcome is what came of one job.
type Outcome struct {
	Took      time.Duration
	NS        float64    // a message: one way
	Published uint64     // frames, by all publishers
	Received  uint64     // frames, by all subscribers
	Lost      uint64     // frames, of all subscribers
	Hist      *Histogram // ns of the round trips; nil if they were not timed one by one
	Figures   Figures    // of all processes of a scene; nil for other jobs
}

// Figures are what a process has found out in a scene, by name.
type Figures map[string]float64

// A Result is what a measurement has come to.
type Result struct {
	Spec  Spec
	Turns []Turn
}

// Each is one figure of each turn.
func (r *Result) Each(figure func(t *Turn) float64) Series {
	s := make(Series, len(r.Turns))
	for i := range r.Turns {
		s[i] = figure(&r.Turns[i])
	}
	return s
}

// Rates are the frames a second that each subscriber received, or the round trips a second.
func (r *Result) Rates() Series {
	return r.Each(func(t *Turn) float64 {
		n := float64(t.Received) / float64(r.Spec.Subscribers)
		if r.Spec.Mode == LatencyMode {
			n = float64(t.Hist.Count())
		}
		return n / t.Took.Seconds()
	})
}

// StreamRates are the messages a second of the bare stream.
func (r *Result) StreamRates() Series {
	return r.Each(func(t *Turn) float64 { return 1e9 / t.Stream })
}

// Lines and Rings are half the round trips over the bare hardware, in ns.
func (r *Result) Lines() Series { return r.Each(func(t *Turn) float64 { return t.Line }) }

// Rings is like Lines, over a stamp line and a payload line.
func (r *Result) Rings() Series { return r.Each(func(t *Turn) float64 { return t.Ring }) }

// Halves is a quantile of half the round trips of each turn, in ns.
func (r *Result) Halves(q float64) Series {
	return r.Each(func(t *Turn) float64 { return float64(t.Hist.Quantile(q)) / 2 })
}

// All are the round trips of all turns together.
func (r *Result) All() *Histogram {
	all := new(Histogram)
	for i := range r.Turns {
		if h := r.Turns[i].Hist; h != nil {
			all.Add(h)
		}
	}
	return all
}

// Sum adds up a count of all turns.
func (r *Result) Sum(count func(o *Outcome) uint64) (n uint64) {
	for i := range r.Turns {
		n += count(&r.Turns[i].Outcome)
	}
	return n
}
