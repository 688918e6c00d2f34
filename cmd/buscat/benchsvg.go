package main

import (
	"fmt"
	"math"

	"shmbus/internal/bench"
)

// benchSVG is the result as a picture.
func benchSVG(r *bench.Result) []byte {
	p := newPicture(860, 420)
	if r.Spec.Mode == bench.LatencyMode {
		latencySVG(p, r)
	} else {
		rateSVG(p, r)
	}
	return p.end()
}

// rateSVG draws two bars for each turn: the bus, and the bare stream.
func rateSVG(p *picture, r *bench.Result) {
	rates, streams := r.Rates(), r.StreamRates()
	x := rates.Over(streams)
	p.heading("buscat bench: "+benchTitle(r), fmt.Sprintf("median %s frames/s; %s (%s–%s) of the bare stream in the same turn",
		thousands(rates.Median()), ratio(x.Median()), ratio(x.Least()), ratio(x.Most())))
	c := p.chart(1.05 * max(rates.Most(), streams.Most()))
	c.grid(thousands)
	wide := (c.right - c.left) / float64(len(rates))
	every := int(math.Ceil(28 / wide)) // numbers below the bars that have room
	for i := range rates {
		at := c.left + wide*float64(i)
		c.box(at+wide*.12, c.y(rates[i]), wide*.36, c.bottom-c.y(rates[i]), ourColour)
		c.box(at+wide*.52, c.y(streams[i]), wide*.36, c.bottom-c.y(streams[i]), bareColour)
		if i%every == 0 {
			c.text(at+wide/2, c.bottom+18, "middle", inkColour, "%d", i+1)
		}
	}
	c.line(c.left, c.bottom, c.right, c.bottom, 1.5, inkColour, "")
	c.legend("frames/s, by turn", "bare stream: a stamp line and a payload line a message")
}

// legend says what the colours are.
func (c *chart) legend(ours, bare string) {
	y := c.bottom + 44
	c.box(c.left, y-10, 12, 12, ourColour)
	c.text(c.left+18, y, "start", inkColour, "%s", ours)
	c.box(c.left+200, y-10, 12, 12, bareColour)
	c.text(c.left+218, y, "start", inkColour, "%s", bare)
}

// latencySVG draws the distribution, on a logarithmic scale, its quantiles, and the bare hardware.
func latencySVG(p *picture, r *bench.Result) {
	h := r.All()
	line, ring := r.Lines().Median(), r.Rings().Median()
	x := r.Halves(.5).Over(r.Rings())
	p.heading("buscat bench: "+benchTitle(r), fmt.Sprintf("half the round trip; p50 %s, p99 %s; p50 is %s (%s–%s) times the bare ring of the same turn",
		nanoseconds(float64(h.Quantile(.5))/2), nanoseconds(float64(h.Quantile(.99))/2), ratio(x.Median()), ratio(x.Least()), ratio(x.Most())))
	all := distribution(h, 160, .999)
	most := 0.0
	for _, s := range all {
		most = max(most, s.part)
	}
	c := p.chart(1.15 * most)
	c.grid(func(v float64) string { return fmt.Sprintf("%.2g %%", 100*v) })
	lo, hi := .9*min(line, ring, all[0].lo), 1.1*max(line, ring, all[len(all)-1].hi)
	at := func(v float64) float64 { return c.left + (c.right-c.left)*math.Log(max(v, lo)/lo)/math.Log(hi/lo) }
	for _, s := range all {
		if s.part > 0 {
			c.box(at(s.lo), c.y(s.part), at(s.hi)-at(s.lo), c.bottom-c.y(s.part), ourColour)
		}
	}
	c.line(c.left, c.bottom, c.right, c.bottom, 1.5, inkColour, "")
	for _, v := range logTicks(lo, hi) {
		c.line(at(v), c.bottom, at(v), c.bottom+5, 1, inkColour, "")
		c.text(at(v), c.bottom+18, "middle", inkColour, "%s", nanoseconds(v))
	}
	mark := func(name string, v float64, colour string, row float64) {
		c.line(at(v), c.top, at(v), c.bottom, 1.2, colour, dashed)
		side, anchor := 3.0, "start"
		if at(v) > c.right-50 {
			side, anchor = -3, "end"
		}
		c.text(at(v)+side, c.top+14*row, anchor, colour, "%s", name)
	}
	for i, q := range benchQuantiles[1:5] {
		mark(q.name, float64(h.Quantile(q.part))/2, inkColour, float64(i+3))
	}
	mark("line", line, bareColour, 1)
	mark("ring", ring, bareColour, 2)
	c.legend("part of all round trips", "the bare hardware, median")
}

// logTicks are round numbers between lo and hi, not too many.
func logTicks(lo, hi float64) (all []float64) {
	steps := []float64{1, 2, 5}
	if hi/lo > 300 {
		steps = []float64{1}
	}
	for p := math.Pow(10, math.Floor(math.Log10(lo))); p <= hi; p *= 10 {
		for _, m := range steps {
			if v := m * p; v >= lo && v <= hi {
				all = append(all, v)
			}
		}
	}
	return all
}
