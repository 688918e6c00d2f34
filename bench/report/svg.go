package report

import (
	"bytes"
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

// svg is a plot of a group: a panel for each size, with a bar for each contender, the fastest first, on a logarithmic scale; the thin line is
// from one quartile to the other.
func (g *group) svg() []byte {
	high := titleHigh
	for _, t := range g.tables {
		high += panelHigh + barHigh*len(t.Shown())
	}
	high += 20
	p := &picture{}
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		plotWide, high, plotWide, high)
	p.box(0, 0, plotWide, float64(high), "#fff")
	p.text(12, 24, "start", g.title()+": "+g.tables[0].unit())
	p.box(12, 32, 10, 10, oursColour)
	p.text(28, 41, "start", "shmbus")
	p.box(92, 32, 10, 10, peerColour)
	p.text(108, 41, "start", "peers")
	p.box(162, 32, 10, 10, bareColour)
	p.text(178, 41, "start", "no bus: the hardware and the kernel")
	y := float64(titleHigh)
	for _, t := range g.tables {
		p.panel(t, y)
		y += float64(panelHigh + barHigh*len(t.Shown()))
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

// panel draws one table below y.
func (p *picture) panel(t *Table, y float64) {
	p.text(12, y+22, "start", SizeName(t.Cell.Size)+" bytes")
	var lines []*Line
	lo, hi := math.Inf(1), 0.0
	for _, l := range t.Shown() {
		if len(l.Runs) > 0 {
			lines = append(lines, l)
			_, a, b := t.Figure(l)
			lo, hi = min(lo, a), max(hi, b)
		}
	}
	if len(lines) == 0 || !(lo > 0) {
		return
	}
	slices.SortStableFunc(lines, func(a, b *Line) int {
		if d := a.NS().Median() - b.NS().Median(); d != 0 {
			return int(math.Copysign(1, d))
		}
		return 0
	})
	lo = math.Pow(10, math.Floor(math.Log10(lo))) / 2
	left, right := float64(nameWide), float64(plotWide-valueWide)
	at := func(v float64) float64 { return left + (right-left)*math.Log(v/lo)/math.Log(hi/lo) }
	top := y + panelHigh
	for v := 2 * lo; v <= hi; v *= 10 {
		p.box(at(v), top-6, 1, barHigh*float64(len(lines))+6, gridColour)
		p.text(at(v), top-9, "middle", t.show(v))
	}
	for i, l := range lines {
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
