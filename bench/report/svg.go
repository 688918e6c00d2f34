package report

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
)

// The colours: they can be told apart by those who see few.
const (
	inkColour   = "#333"
	faintColour = "#666" // of what stands beside it
	gridColour  = "#ddd"
	oursColour  = "#0072b2"
	peerColour  = "#888"
	bareColour  = "#e69f00"
)

// Sizes of a plot.
const (
	plotWide  = 860
	nameWide  = 240
	valueWide = 90
	farWide   = 70 // what says how many rounds were far
	rowHigh   = 18
	titleHigh = 46
	panelHigh = 34 // the head of a panel
	saidHigh  = 30 // a line more in it
	footLine  = 15
)

// A panel is the part of a plot that shows one table, or some of its lines.
type panel struct {
	title string
	said  string // what there is to know about it, or ""
	table *Table
	lines []*Line // that have runs, the fastest first
}

func newPanel(title string, t *Table, shown func(l *Line) bool) panel {
	p := panel{title: title, table: t}
	for _, l := range t.Shown() {
		if len(l.Runs) > 0 && shown(l) {
			p.lines = append(p.lines, l)
		}
	}
	slices.SortStableFunc(p.lines, func(a, b *Line) int { return cmp.Compare(a.NS().Median(), b.NS().Median()) })
	return p
}

// high is how high the panel is.
func (n *panel) high() int {
	high := panelHigh + rowHigh*len(n.lines)
	if n.said != "" {
		high += saidHigh
	}
	return high
}

// far says whether there are rounds with cores that lay far apart.
func (n *panel) far() bool {
	return slices.ContainsFunc(n.lines, func(l *Line) bool { return l.Near() < len(l.Runs) })
}

// svg is a plot of a group: a panel for each size, with a point for each contender.
func (g *group) svg(own *Session) []byte {
	var all []panel
	for _, t := range g.tables {
		all = append(all, newPanel(SizeName(t.Cell.Size)+" bytes", t, func(*Line) bool { return true }))
	}
	return draw(g.title()+": "+g.tables[0].unit(), all, own)
}

// overviewed are those of ours in the overview: what one gets if nothing else is said, and what may come of the two easiest changes.
var overviewed = []string{"shmbus adaptive", "shmbus adaptive, batches of 32", "shmbus block"}

// overview is a plot of 64 bytes from one process to another, beside the peers, for who reads no more than one; nil if that was not measured.
func (r *Result) overview() []byte {
	var all []panel
	for _, o := range []struct{ cell, title, far, said string }{
		{"throughput-1to1-64", "messages a second", "Far rounds: in them the two cores lay far apart, and whatever goes from one to the other took several times as long.", ""},
		{"latency-block-64", "latency, one way, blocking", "", "shmbus adaptive looks for a message for some time before it sleeps; shmbus block sleeps at once."},
	} {
		i := slices.IndexFunc(r.Tables, func(t Table) bool { return t.Cell.Name() == o.cell })
		if i < 0 {
			return nil
		}
		n := newPanel(o.title, &r.Tables[i], func(l *Line) bool {
			return !l.Bare && (!l.Ours || slices.Contains(overviewed, l.Name))
		})
		if n.said = o.said; n.said == "" && n.far() {
			n.said = o.far
		}
		all = append(all, n)
	}
	return draw("64 bytes from one process to another", all, &r.Session)
}

// draw is a plot of panels, on a logarithmic scale: a point for the median, and a line from one quartile to the other. There are no bars, because on such a
// scale their length would mean nothing.
func draw(title string, all []panel, own *Session) []byte {
	high, bare := titleHigh, false
	for _, n := range all {
		high += n.high()
		bare = bare || slices.ContainsFunc(n.lines, func(l *Line) bool { return l.Bare })
	}
	foot := feet(all, own)
	p := &picture{}
	p.begin(high+footHigh(foot), title+" (medians and quartiles, logarithmic)")
	p.box(12, 32, 10, 10, oursColour)
	p.text(28, 41, "start", "shmbus")
	p.box(92, 32, 10, 10, peerColour)
	p.text(108, 41, "start", "peers")
	if bare {
		p.box(162, 32, 10, 10, bareColour)
		p.text(178, 41, "start", "no bus: the hardware and the kernel")
	}
	y := titleHigh
	for _, n := range all {
		p.panel(n, float64(y))
		y += n.high()
	}
	p.foot(float64(y), foot)
	return p.end()
}

// A picture is an SVG that is drawn bit by bit.
type picture struct{ bytes.Buffer }

// begin is the head of it. The ground is white, whatever is behind the picture.
func (p *picture) begin(high int, title string) {
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		plotWide, high, plotWide, high)
	p.box(0, 0, plotWide, float64(high), "#fff")
	p.text(12, 24, "start", title)
}

func (p *picture) end() []byte {
	p.WriteString("</svg>\n")
	return p.Bytes()
}

func (p *picture) box(x, y, wide, high float64, colour string) {
	fmt.Fprintf(p, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, wide, high, colour)
}

func (p *picture) text(x, y float64, anchor, s string) { p.ink(x, y, anchor, inkColour, s) }

func (p *picture) ink(x, y float64, anchor, colour, s string) {
	fmt.Fprintf(p, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">`, x, y, anchor, colour)
	_ = xml.EscapeText(p, []byte(s)) // a buffer takes all
	p.WriteString("</text>\n")
}

// panel draws one below y.
func (p *picture) panel(n panel, y float64) {
	p.text(12, y+22, "start", n.title)
	t, lo, hi, far := n.table, math.Inf(1), 0.0, n.far()
	for _, l := range n.lines {
		_, a, b := t.Figure(l)
		lo, hi = min(lo, a), max(hi, b)
	}
	if len(n.lines) == 0 || !(lo > 0) {
		return
	}
	left, right, top := float64(nameWide), float64(plotWide-valueWide), y+panelHigh
	if n.said != "" {
		p.ink(12, y+38, "start", faintColour, n.said)
		top += saidHigh
	}
	if far {
		right -= farWide
		p.ink(plotWide-12, top-9, "end", faintColour, "far rounds")
	}
	at := axis{lo / 1.4, hi, left, right}
	for _, v := range at.ticks(ticksWide) {
		p.box(at.at(v), top-6, 1, rowHigh*float64(len(n.lines))+6, gridColour)
		p.text(at.at(v), top-9, "middle", t.show(v))
	}
	for i, l := range n.lines {
		colour := peerColour
		switch {
		case l.Ours:
			colour = oursColour
		case l.Bare:
			colour = bareColour
		}
		mid, a, b := t.Figure(l)
		row := top + rowHigh*float64(i)
		p.text(left-6, row+13, "end", l.Name)
		p.box(left, row+8.5, at.at(mid)-left, 1, gridColour)
		p.box(at.at(a), row+7.5, max(1, at.at(b)-at.at(a)), 3, colour)
		fmt.Fprintf(p, `<circle cx="%.1f" cy="%.1f" r="5" fill="%s"/>`+"\n", at.at(mid), row+9, colour)
		x := max(at.at(mid)+5, at.at(b)) + 5
		p.box(x-2, row+2, textWide(t.show(mid))+4, rowHigh-4, "#fff") // over the grid
		p.text(x, row+13, "start", t.show(mid))
		if n := len(l.Runs) - l.Near(); far {
			p.ink(plotWide-12, row+13, "end", faintColour, fmt.Sprintf("%d of %d", n, len(l.Runs)))
		}
	}
}
