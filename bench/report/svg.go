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
	inkColour  = "#333"
	gridColour = "#ddd"
	oursColour = "#0072b2"
	peerColour = "#999"
	bareColour = "#e69f00"
)

// Sizes of a plot.
const (
	plotWide  = 860
	nameWide  = 240
	valueWide = 90
	barHigh   = 18
	titleHigh = 46
	panelHigh = 34 // the head of a panel
)

// A panel is the part of a plot that shows one table, or some of its lines.
type panel struct {
	title string
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

// svg is a plot of a group: a panel for each size, with a bar for each contender.
func (g *group) svg() []byte {
	var all []panel
	for _, t := range g.tables {
		all = append(all, newPanel(SizeName(t.Cell.Size)+" bytes", t, func(*Line) bool { return true }))
	}
	return draw(g.title()+": "+g.tables[0].unit(), all)
}

// overviewed are those of ours in the overview: what one gets if nothing else is said, and what may come of the two easiest changes.
var overviewed = []string{"shmbus adaptive", "shmbus adaptive, batches of 32", "shmbus block"}

// overview is a plot of 64 bytes from one process to another, beside the peers, for who reads no more than one; nil if that was not measured.
func (r *Result) overview() []byte {
	var all []panel
	for _, o := range []struct{ cell, title string }{
		{"throughput-1to1-64", "messages a second"}, {"latency-block-64", "latency, one way"},
	} {
		i := slices.IndexFunc(r.Tables, func(t Table) bool { return t.Cell.Name() == o.cell })
		if i < 0 {
			return nil
		}
		all = append(all, newPanel(o.title, &r.Tables[i], func(l *Line) bool {
			return !l.Bare && (!l.Ours || slices.Contains(overviewed, l.Name))
		}))
	}
	return draw("64 bytes from one process to another: medians and quartiles, on a logarithmic scale", all)
}

// draw is a plot of panels, on a logarithmic scale; the thin line is from one quartile to the other.
func draw(title string, all []panel) []byte {
	high := titleHigh + 20
	bare := false
	for _, n := range all {
		high += panelHigh + barHigh*len(n.lines)
		bare = bare || slices.ContainsFunc(n.lines, func(l *Line) bool { return l.Bare })
	}
	p := &picture{}
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		plotWide, high, plotWide, high)
	p.box(0, 0, plotWide, float64(high), "#fff")
	p.text(12, 24, "start", title)
	p.box(12, 32, 10, 10, oursColour)
	p.text(28, 41, "start", "shmbus")
	p.box(92, 32, 10, 10, peerColour)
	p.text(108, 41, "start", "peers")
	if bare {
		p.box(162, 32, 10, 10, bareColour)
		p.text(178, 41, "start", "no bus: the hardware and the kernel")
	}
	y := float64(titleHigh)
	for _, n := range all {
		p.panel(n, y)
		y += float64(panelHigh + barHigh*len(n.lines))
	}
	p.WriteString("</svg>\n")
	return p.Bytes()
}

// A picture is an SVG that is drawn bit by bit.
type picture struct{ bytes.Buffer }

func (p *picture) box(x, y, wide, high float64, colour string) {
	fmt.Fprintf(p, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, wide, high, colour)
}

func (p *picture) text(x, y float64, anchor, s string) {
	fmt.Fprintf(p, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">`, x, y, anchor, inkColour)
	_ = xml.EscapeText(p, []byte(s)) // a buffer takes all
	p.WriteString("</text>\n")
}

// panel draws one below y.
func (p *picture) panel(n panel, y float64) {
	p.text(12, y+22, "start", n.title)
	t, lo, hi := n.table, math.Inf(1), 0.0
	for _, l := range n.lines {
		_, a, b := t.Figure(l)
		lo, hi = min(lo, a), max(hi, b)
	}
	if len(n.lines) == 0 || !(lo > 0) {
		return
	}
	lo = math.Pow(10, math.Floor(math.Log10(lo))) / 2
	left, right := float64(nameWide), float64(plotWide-valueWide)
	at := func(v float64) float64 { return left + (right-left)*math.Log(v/lo)/math.Log(hi/lo) }
	top := y + panelHigh
	for v := 2 * lo; v <= hi; v *= 10 {
		p.box(at(v), top-6, 1, barHigh*float64(len(n.lines))+6, gridColour)
		p.text(at(v), top-9, "middle", t.show(v))
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
		row := top + barHigh*float64(i)
		p.text(left-6, row+13, "end", l.Name)
		p.box(left, row+3, at(mid)-left, barHigh-6, colour)
		p.box(at(a), row+8, max(1, at(b)-at(a)), 2, inkColour)
		p.text(max(at(mid), at(b))+5, row+13, "start", t.show(mid))
	}
}
