package report

import (
	"fmt"
	"math"
	"slices"
)

// The colours of curves, for those who see few as well; and their marks.
var curveColours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#777777"}

// Where the labels of a curve's points stand, so that they keep out of those of others; there are none for more curves.
var labels = []struct {
	right, down float64
	anchor      string
}{{9, 4, "start"}, {-6, -8, "end"}, {4, 17, "start"}}

// Sizes of a plot of a series.
const (
	curveHigh   = 430
	curveLeft   = 90
	curveRight  = plotWide - 30
	curveTop    = 70
	curveBottom = curveHigh - 60
	dotRadius   = 4
)

// An axis turns values into places, by their logarithms.
type axis struct{ lo, hi, from, to float64 }

func (a axis) at(v float64) float64 {
	return a.from + (a.to-a.from)*math.Log(max(v, a.lo)/a.lo)/math.Log(a.hi/a.lo)
}

// ticks are the powers of ten, and twice and five times these if they are few.
func (a axis) ticks() (all []float64) {
	parts := []float64{1, 2, 5}
	if a.hi/a.lo > 1000 {
		parts = parts[:1]
	}
	for ten := math.Pow(10, math.Floor(math.Log10(a.lo))); ten <= a.hi; ten *= 10 {
		for _, part := range parts {
			if v := part * ten; v >= a.lo && v <= a.hi*1.0001 {
				all = append(all, v)
			}
		}
	}
	return all
}

// span is an axis with room for all values.
func span(values []float64, from, to float64) (axis, bool) {
	lo, hi := math.Inf(1), 0.0
	for _, v := range values {
		if v > 0 {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if hi == 0 {
		return axis{}, false
	}
	return axis{lo / 1.4, hi * 1.4, from, to}, true
}

// A dot is a point in a plot.
type dot struct{ x, y, lo, hi float64 }

// svg is a plot of a series: a curve for each, with a mark at each median and a thin line from one quartile to the other.
func (g *Growth) svg() []byte {
	k, p := kindOf(g.Name), &picture{}
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		plotWide, curveHigh, plotWide, curveHigh)
	p.box(0, 0, plotWide, curveHigh, "#fff")
	shown := k.column(k.plot)
	p.text(12, 24, "start", k.title+": "+shown.head)
	var names []string
	var ys, xs []float64
	for _, name := range g.curves() {
		if slices.Contains(k.skip, name) {
			continue
		}
		names = append(names, name)
		for _, q := range g.curve(name) {
			lo, hi := Quartiles(q.Each(k.plot))
			ys, xs = append(ys, lo, hi), append(xs, q.Each(k.against).Median())
		}
	}
	if y, ok := span(ys, curveBottom, curveTop); ok {
		p.grid(y, shown.show)
		at := g.across(p, k, xs)
		var taken []area
		for i, name := range names {
			dots := g.dots(k, name, at, y)
			p.curve(i, name, dots)
			for _, d := range dots {
				taken = append(taken, d.area())
			}
		}
		for i, name := range names[:min(len(names), len(labels))] {
			if k.against == "" {
				break
			}
			for _, q := range g.curve(name) {
				if len(q.Each(k.plot)) == 0 {
					continue
				}
				l := labels[i]
				taken = p.label(taken, at(q)+l.right, y.at(q.Each(k.plot).Median())+l.down, l.anchor, k.place(q.X))
			}
		}
	}
	p.WriteString("</svg>\n")
	return p.Bytes()
}

// across draws the axis below, and gives where a point is along it: at equal distances, or by another figure.
func (g *Growth) across(p *picture, k *kind, values []float64) func(q *Point) float64 {
	if k.against == "" {
		p.text(curveRight, curveHigh-12, "end", k.x)
		places := g.places()
		at := func(x float64) float64 {
			return curveLeft + 30 + (curveRight-curveLeft-60)*float64(slices.Index(places, x))/float64(max(1, len(places)-1))
		}
		for _, x := range places {
			p.text(at(x), curveBottom+18, "middle", k.place(x))
		}
		return func(q *Point) float64 { return at(q.X) }
	}
	c := k.column(k.against)
	x, ok := span(values, curveLeft+20, curveRight-50)
	if !ok {
		return func(*Point) float64 { return curveLeft }
	}
	for _, v := range x.ticks() {
		p.box(x.at(v), curveTop, 1, curveBottom-curveTop, gridColour)
		p.text(x.at(v), curveBottom+18, "middle", c.show(v))
	}
	p.text(curveRight, curveHigh-12, "end", c.head+"; beside the points: "+k.x)
	return func(q *Point) float64 { return x.at(q.Each(k.against).Median()) }
}

func (g *Growth) dots(k *kind, name string, at func(q *Point) float64, y axis) (all []dot) {
	for _, q := range g.curve(name) {
		s := q.Each(k.plot)
		if len(s) == 0 || s.Median() <= 0 {
			continue
		}
		lo, hi := Quartiles(s)
		all = append(all, dot{at(q), y.at(s.Median()), y.at(lo), y.at(hi)})
	}
	return all
}

// grid draws the axis on the left.
func (p *picture) grid(y axis, show func(v float64) string) {
	for _, v := range y.ticks() {
		p.box(curveLeft, y.at(v), curveRight-curveLeft, 1, gridColour)
		p.text(curveLeft-6, y.at(v)+4, "end", show(v))
	}
	p.box(curveLeft, curveBottom, curveRight-curveLeft, 1, inkColour)
	p.box(curveLeft, curveTop, 1, curveBottom-curveTop, inkColour)
}

// curve draws a curve and its name above.
func (p *picture) curve(i int, name string, dots []dot) {
	colour := curveColours[i%len(curveColours)]
	x := 12 + 168*float64(i)
	p.box(x, 38, 10, 10, colour)
	p.text(x+16, 47, "start", name)
	for j, d := range dots {
		p.box(d.x-.75, d.hi, 1.5, max(1, d.lo-d.hi), colour)
		fmt.Fprintf(p, `<circle cx="%.1f" cy="%.1f" r="%d" fill="%s"/>`+"\n", d.x, d.y, dotRadius, colour)
		if j > 0 {
			fmt.Fprintf(p, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="1.5"/>`+"\n", dots[j-1].x, dots[j-1].y, d.x, d.y, colour)
		}
	}
}
