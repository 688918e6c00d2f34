package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"shmbus/internal/bench"
)

// A Growth is a series: what something costs as something grows.
type Growth struct {
	Name    string   `json:"name"`
	Date    string   `json:"date"`
	Took    string   `json:"took"`
	Rounds  int      `json:"rounds"`
	Points  []Point  `json:"points"`
	Earlier *Session `json:"earlier,omitempty"` // as of a Table
}

// A Point is one place of one curve.
type Point struct {
	Curve string  `json:"curve"`
	X     float64 `json:"x"`
	Turns []Turn  `json:"turns"`           // by round
	Err   string  `json:"error,omitempty"` // why there are no more
}

// A Turn is what a point has measured in a round. Times are in ns.
type Turn struct {
	Round   int                `json:"round"`
	Bare    Bare               `json:"bare"`
	Figures map[string]float64 `json:"figures"`
}

// beyond is of how many samples a figure is: one of them, at least, lies beyond the quantile. Of fewer it is the largest, by another name.
var beyond = map[string]float64{"p99": 100, "p999": 1000}

// figure is one that the turn has. Where it is not known of how many samples a quantile is, it counts.
func (t *Turn) figure(key string) (v float64, ok bool) {
	if n, known := t.Figures["samples"]; known && n < beyond[key] {
		return 0, false
	}
	v, ok = t.Figures[key]
	return v, ok
}

// Each is one figure of each turn that has it.
func (p *Point) Each(key string) (s bench.Series) {
	for i := range p.Turns {
		if v, ok := p.Turns[i].figure(key); ok {
			s = append(s, v)
		}
	}
	return s
}

// has says whether a figure was measured, be it of too few samples.
func (p *Point) has(key string) bool {
	return slices.ContainsFunc(p.Turns, func(t Turn) bool { _, ok := t.Figures[key]; return ok })
}

// over is the ratio of p's figure to o's in the same round, for the rounds that both have.
func (p *Point) over(o *Point, key string) Ratios { return within(p.readings(key), o.readings(key)) }

func (p *Point) readings(key string) (all []reading) {
	for i := range p.Turns {
		t := &p.Turns[i]
		if v, ok := t.figure(key); ok {
			all = append(all, reading{t.Round, t.Bare.Near(), v})
		}
	}
	return all
}

// quicker has the turn that takes fewer ns of each round, as Line.quicker has.
func (p *Point) quicker(o *Point) *Point {
	if o == nil {
		return p
	}
	both := &Point{Curve: p.Curve, X: p.X, Turns: slices.Clone(p.Turns)}
	for _, t := range o.Turns {
		if i := slices.IndexFunc(both.Turns, func(u Turn) bool { return u.Round == t.Round }); i < 0 {
			both.Turns = append(both.Turns, t)
		} else if t.Figures["ns"] < both.Turns[i].Figures["ns"] {
			both.Turns[i] = t
		}
	}
	return both
}

// Point is the point of that curve and place, or nil.
func (g *Growth) Point(curve string, x float64) *Point {
	for i := range g.Points {
		if p := &g.Points[i]; p.Curve == curve && p.X == x && len(p.Turns) > 0 {
			return p
		}
	}
	return nil
}

// curve is all points of a curve that were measured, by place.
func (g *Growth) curve(name string) (all []*Point) {
	for i := range g.Points {
		if p := &g.Points[i]; p.Curve == name && len(p.Turns) > 0 {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b *Point) int { return compare(a.X, b.X) })
	return all
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// curves are the names of all curves, in their order.
func (g *Growth) curves() (names []string) {
	for i := range g.Points {
		if n := g.Points[i].Curve; !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// places are all places, from the least.
func (g *Growth) places() (xs []float64) {
	for i := range g.Points {
		if x := g.Points[i].X; !slices.Contains(xs, x) {
			xs = append(xs, x)
		}
	}
	slices.Sort(xs)
	return xs
}

// near is in how many of all turns the cores were near.
func (g *Growth) near() (n, all int) {
	for i := range g.Points {
		for _, t := range g.Points[i].Turns {
			all++
			if t.Bare.Near() {
				n++
			}
		}
	}
	return n, all
}

// rows are the head and the rows of the table, one for each point: a figure is the median of the rounds, with its quartiles.
func (g *Growth) rows(quartiles bool) (head []string, rows [][]string) {
	k := kindOf(g.Name)
	var columns []column
	for _, c := range k.columns {
		if slices.ContainsFunc(g.Points, func(p Point) bool { return p.has(c.key) }) {
			columns = append(columns, c)
		}
	}
	head = []string{"", k.x}
	for _, c := range columns {
		head = append(head, c.head)
	}
	for _, name := range g.curves() {
		for _, p := range g.curve(name) {
			row := []string{name, k.place(p.X)}
			for _, c := range columns {
				s := p.Each(c.key)
				switch lo, hi := Quartiles(s); {
				case len(s) == 0 && p.has(c.key):
					row = append(row, "–")
				case len(s) == 0:
					row = append(row, "")
				case c.most:
					row = append(row, c.show(s.Most()))
				case quartiles && c.show(lo) != c.show(hi):
					row = append(row, fmt.Sprintf("%s (%s–%s)", c.show(s.Median()), c.show(lo), c.show(hi)))
				default:
					row = append(row, c.show(s.Median()))
				}
			}
			rows = append(rows, row)
		}
	}
	return head, rows
}

// fewer says which points have had fewer turns than there were rounds, without having failed, and which quantiles are of too few samples.
func (g *Growth) fewer() (all []string) {
	k := kindOf(g.Name)
	byTurns := make(map[int][]string)
	for _, name := range g.curves() {
		places := make(map[int][]string)
		points := g.curve(name)
		for _, p := range points {
			if p.Err == "" && len(p.Turns) < g.Rounds {
				places[len(p.Turns)] = append(places[len(p.Turns)], k.place(p.X))
			}
		}
		for n, some := range places {
			what := name
			if len(some) < len(points) {
				what += " at " + strings.Join(some, ", ")
			}
			byTurns[n] = append(byTurns[n], what)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(byTurns)) {
		all = append(all, fmt.Sprintf("Medians of %d rounds only: %s.", n, strings.Join(byTurns[n], "; ")))
	}
	for key, n := range beyond {
		if slices.ContainsFunc(g.Points, func(p Point) bool { return p.has(key) && len(p.Each(key)) == 0 }) {
			all = append(all, fmt.Sprintf("%s: – where a turn has fewer than %.0f samples, so that none lies beyond.", k.column(key).head, n))
		}
	}
	slices.Sort(all)
	return all
}

// below is what is told below the table.
func (g *Growth) below() []string {
	return slices.Concat(kindOf(g.Name).remarks(g), g.fewer(), g.out())
}

// out says which points have failed.
func (g *Growth) out() (all []string) {
	for _, p := range g.Points {
		if p.Err != "" {
			all = append(all, fmt.Sprintf("Out after %d rounds: %s at %s (%s).", len(p.Turns), p.Curve, kindOf(g.Name).place(p.X), strings.ReplaceAll(p.Err, "\n", " ")))
		}
	}
	return all
}

func (g *Growth) text(b *strings.Builder) {
	near, all := g.near()
	fmt.Fprintf(b, "%s (medians of %d rounds, quartiles; cores near in %d of %d turns; took %s)\n", g.Name, g.Rounds, near, all, g.Took)
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	head, rows := g.rows(true)
	for _, row := range append([][]string{head}, rows...) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush()
	for _, s := range g.below() {
		fmt.Fprintln(b, s)
	}
	b.WriteByte('\n')
}

func (g *Growth) markdown(b *strings.Builder, plots string) {
	k := kindOf(g.Name)
	near, all := g.near()
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n![%s](%s/%s.svg)\n\n", k.title, k.text, k.title, plots, g.Name)
	fmt.Fprintf(b, "Medians of %d rounds and quartiles; cores near in %d of %d turns; %s, in %s.\n\n", g.Rounds, near, all, g.Date, g.Took)
	head, rows := g.rows(true)
	table(b, head, rows)
	if s := g.below(); len(s) > 0 {
		fmt.Fprintf(b, "\n- %s\n", strings.Join(s, "\n- "))
	}
}
