package report

import (
	"fmt"
	"slices"
	"strings"
)

// The colours of curves, for those who see few as well.
var curveColours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#777777", "#e69f00"}

// Sizes of a plot of a series.
const (
	curveHigh  = 380 // of a panel
	curveLeft  = 90
	curveRight = plotWide - 30
	curveTop   = 30 // from the panel's upper edge
	curveEnd   = curveHigh - 62
	dotRadius  = 4
	legendHigh = 20
	dashWide   = 34 // of a mark that is for one place
)

// A view is a panel of a series' plot.
type view struct {
	key      string // the column that is plotted
	against  string // the column that it is plotted against; "": what grows
	labelled string // the curve whose points say what has grown, where it is not what it is plotted against
}

// A limit is a mark of the plotted column.
type limit struct {
	key   string
	most  float64
	curve string // that it is for, at one place; "": for all
	x     float64
}

// A dot is a point in a plot.
type dot struct{ x, y, lo, hi float64 }

// views are the panels, from the top.
func (k *kind) views() []view { return append([]view{{key: k.plot}}, k.also...) }

// svg is a plot of a series, one panel below the other: a curve for each, with a mark at each median and a thin line from one quartile to the other.
func (g *Growth) svg(own *Session) []byte {
	k, p := kindOf(g.Name), &picture{}
	foot := []string{g.foot(own)}
	var names []string
	for _, name := range g.curves() {
		if !slices.Contains(k.skip, name) {
			names = append(names, name)
		}
	}
	lines := legend(names)
	top := 34 + float64(legendHigh*len(lines))
	p.begin(int(top)+curveHigh*len(k.views())+footHigh(foot), k.title)
	for _, l := range slices.Concat(lines...) {
		p.key(l.x, l.y, l.i, l.name)
	}
	for _, v := range k.views() {
		g.panel(p, k, v, names, top)
		top += curveHigh
	}
	p.foot(top, foot)
	return p.end()
}

// A legendKey is where the name of a curve stands.
type legendKey struct {
	x, y float64
	i    int
	name string
}

// legend has as many names in a line as there is room for.
func legend(names []string) (all [][]legendKey) {
	x, y := 12., 47.
	for i, name := range names {
		wide := 46 + textWide(name)
		if len(all) == 0 || x+wide > plotWide {
			if len(all) > 0 {
				y += legendHigh
			}
			all, x = append(all, nil), 12
		}
		last := len(all) - 1
		all[last] = append(all[last], legendKey{x, y, i, name})
		x += wide
	}
	return all
}

// panel draws a view below top.
func (g *Growth) panel(p *picture, k *kind, v view, names []string, top float64) {
	shown := k.column(v.key)
	head := shown.head
	if v.against != "" {
		head += " against " + k.column(v.against).head
	}
	p.text(12, top+16, "start", head)
	var ys, xs []float64
	for _, name := range names {
		for _, q := range g.curve(name) {
			lo, hi := Quartiles(q.Each(v.key))
			ys, xs = append(ys, lo, hi), append(xs, q.Each(v.against).Median())
		}
	}
	limits := g.limits(k, v, names)
	if slices.Max(append(ys, 0)) > 0 {
		for _, l := range limits {
			ys = append(ys, l.most)
		}
	}
	y, ok := span(ys, top+curveEnd, top+curveTop)
	if !ok {
		return
	}
	p.grid(y, shown.show)
	at := g.across(p, k, v, xs, top)
	var taken []area
	for i, name := range names {
		dots := g.dots(v.key, name, at, y)
		p.curve(i, name, dots)
		for _, d := range dots {
			taken = append(taken, d.area())
		}
	}
	for _, l := range limits {
		taken = p.limit(taken, l, slices.Index(names, l.curve), at, y, shown.show)
	}
	for _, q := range g.curve(v.labelled) {
		if len(q.Each(v.key)) == 0 {
			continue
		}
		colour := curveColours[max(0, slices.Index(names, v.labelled))%len(curveColours)]
		taken = p.label(taken, at(q)+9, y.at(q.Each(v.key).Median())-6, "start", colour, k.place(q.X), top)
	}
}

// limits are the marks of a view that are of what was measured.
func (g *Growth) limits(k *kind, v view, names []string) (all []limit) {
	for _, l := range k.limits {
		if l.key == v.key && v.against == "" && (l.curve == "" || slices.Contains(names, l.curve) && g.Point(l.curve, l.x) != nil) {
			all = append(all, l)
		}
	}
	return all
}

// limit draws a mark: a dashed line, or for one place a dash of the curve's colour, and its label, which it adds to what is taken.
func (p *picture) limit(taken []area, l limit, i int, at func(q *Point) float64, y axis, show func(v float64) string) []area {
	from, to, colour := float64(curveLeft), float64(curveRight), inkColour
	if i >= 0 {
		x := at(&Point{X: l.x})
		from, to, colour = x-dashWide/2, x+dashWide/2, curveColours[i%len(curveColours)]
	}
	fmt.Fprintf(p, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="1.5" stroke-dasharray="6 4"/>`+"\n", from, y.at(l.most), to, y.at(l.most), colour)
	said, right, down := "mark: "+show(l.most), to-4, -5.
	if i >= 0 { // to the left of it and above, where curves are the less steep
		right, down = from+8, -6
	}
	p.ink(right, y.at(l.most)+down, "end", colour, said)
	return append(taken, textArea(right, y.at(l.most)+down, "end", said))
}

// across draws the axis below, and gives where a point is along it.
func (g *Growth) across(p *picture, k *kind, v view, values []float64, top float64) func(q *Point) float64 {
	end := top + curveEnd
	if v.against == "" {
		p.text(curveRight, top+curveHigh-14, "end", k.x)
		places := g.places()
		at := along(places, curveLeft+30, curveRight-30)
		p.places(places, at, k.place, end)
		return func(q *Point) float64 { return at(q.X) }
	}
	c := k.column(v.against)
	x, ok := span(values, curveLeft+20, curveRight-50)
	if !ok {
		return func(*Point) float64 { return curveLeft }
	}
	for _, t := range x.ticks(ticksWide) {
		p.box(x.at(t), top+curveTop, 1, curveEnd-curveTop, gridColour)
		p.text(x.at(t), end+18, "middle", c.show(t))
	}
	said := c.head
	if v.labelled != "" {
		said += "; beside the points of " + v.labelled + ": " + k.x + ", for all curves in the same order"
	}
	p.text(curveRight, top+curveHigh-14, "end", said)
	return func(q *Point) float64 { return x.at(q.Each(v.against).Median()) }
}

// places draws a tick at each place, and below it what it is: in a second line where another one's is in the way, and not where there is no room at all.
func (p *picture) places(places []float64, at func(x float64) float64, show func(x float64) string, end float64) {
	var taken []area
	for _, x := range places {
		p.box(at(x), end, 1, 5, inkColour)
		for _, down := range []float64{18, 32} {
			if a := textArea(at(x), end+down, "middle", show(x)); !slices.ContainsFunc(taken, a.meets) {
				p.text(at(x), end+down, "middle", show(x))
				taken = append(taken, a)
				break
			}
		}
	}
}

func (g *Growth) dots(key, name string, at func(q *Point) float64, y axis) (all []dot) {
	for _, q := range g.curve(name) {
		s := q.Each(key)
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
	for _, v := range y.ticks(ticksUp) {
		p.box(curveLeft, y.at(v), curveRight-curveLeft, 1, gridColour)
		p.text(curveLeft-6, y.at(v)+4, "end", show(v))
	}
	p.box(curveLeft, y.from, curveRight-curveLeft, 1, inkColour)
	p.box(curveLeft, y.to, 1, y.from-y.to, inkColour)
}

// isBare says whether a curve is of no bus: it is drawn in another way.
func isBare(name string) bool {
	return strings.HasSuffix(name, "no bus") || name == MemoryName || name == MemcpyName
}

// curve draws a curve: dashed, with hollow dots, if it is of no bus.
func (p *picture) curve(i int, name string, dots []dot) {
	colour := curveColours[i%len(curveColours)]
	for j, d := range dots {
		p.box(d.x-.75, d.hi, 1.5, max(1, d.lo-d.hi), colour)
		if j > 0 {
			p.stroke(name, dots[j-1].x, dots[j-1].y, d.x, d.y, colour)
		}
	}
	for _, d := range dots {
		p.dot(name, d.x, d.y, colour)
	}
}

func (p *picture) stroke(name string, x1, y1, x2, y2 float64, colour string) {
	dashes := ""
	if isBare(name) {
		dashes = ` stroke-dasharray="5 3"`
	}
	fmt.Fprintf(p, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="1.5"%s/>`+"\n", x1, y1, x2, y2, colour, dashes)
}

func (p *picture) dot(name string, x, y float64, colour string) {
	fill := colour
	if isBare(name) {
		fill = "#fff"
	}
	fmt.Fprintf(p, `<circle cx="%.1f" cy="%.1f" r="%d" fill="%s" stroke="%s" stroke-width="1.5"/>`+"\n", x, y, dotRadius, fill, colour)
}

// key draws the name of a curve beside a piece of it.
func (p *picture) key(x, y float64, i int, name string) {
	colour := curveColours[i%len(curveColours)]
	p.stroke(name, x, y-4, x+24, y-4, colour)
	p.dot(name, x+12, y-4, colour)
	p.text(x+30, y, "start", name)
}
