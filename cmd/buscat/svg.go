package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
)

// A picture is an SVG that is drawn bit by bit. It is right on light and on dark ground, and needs no font of its own.
type picture struct {
	bytes.Buffer
	wide, high float64
}

// The colours: they can be told apart by those who see few.
const (
	inkColour  = "#333"
	gridColour = "#ddd"
	ourColour  = "#0072b2"
	bareColour = "#e69f00"
)

func newPicture(wide, high float64) *picture {
	p := &picture{wide: wide, high: high}
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %g %g" font-family="sans-serif" font-size="13">`+"\n", wide, high, wide, high)
	p.box(0, 0, wide, high, "#fff")
	return p
}

// end is the whole picture.
func (p *picture) end() []byte {
	p.WriteString("</svg>\n")
	return p.Bytes()
}

func (p *picture) box(x, y, wide, high float64, colour string) {
	fmt.Fprintf(p, `<rect x="%.2f" y="%.2f" width="%.2f" height="%.2f" fill="%s"/>`+"\n", x, y, wide, high, colour)
}

func (p *picture) line(x1, y1, x2, y2, thick float64, colour, more string) {
	fmt.Fprintf(p, `<line x1="%.2f" y1="%.2f" x2="%.2f" y2="%.2f" stroke="%s" stroke-width="%g"%s/>`+"\n", x1, y1, x2, y2, colour, thick, more)
}

const dashed = ` stroke-dasharray="5 4"`

// text writes at a place that is its start, middle or end.
func (p *picture) text(x, y float64, anchor, colour, format string, args ...any) {
	fmt.Fprintf(p, `<text x="%.2f" y="%.2f" text-anchor="%s" fill="%s">`, x, y, anchor, colour)
	_ = xml.EscapeText(p, fmt.Appendf(nil, format, args...))
	p.WriteString("</text>\n")
}

// heading writes the title above a chart, and what is below it in smaller letters.
func (p *picture) heading(title, below string) {
	p.WriteString(`<g font-size="16" font-weight="bold">`)
	p.text(60, 28, "start", inkColour, "%s", title)
	p.WriteString("</g>\n")
	p.text(60, 48, "start", "#666", "%s", below)
}

// A chart is the part of a picture within the axes. The left lower corner of its values is (0, 0).
type chart struct {
	*picture
	left, top, right, bottom float64
	most                     float64 // the value at the top
}

func (p *picture) chart(most float64) *chart {
	return &chart{p, 60, 70, p.wide - 30, p.high - 60, most}
}

// y is where a value is.
func (c *chart) y(v float64) float64 { return c.bottom - (c.bottom-c.top)*v/c.most }

// grid draws the values at the left, and a line for each.
func (c *chart) grid(unit func(float64) string) {
	step := niceStep(c.most / 5)
	for v := 0.0; v <= c.most*1.0001; v += step {
		c.line(c.left, c.y(v), c.right, c.y(v), 1, gridColour, "")
		c.text(c.left-6, c.y(v)+4, "end", inkColour, "%s", unit(v))
	}
}

// niceStep is 1, 2 or 5 times a power of ten, and v or more.
func niceStep(v float64) float64 {
	if !(v > 0) {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= v {
			return m * p
		}
	}
	return 10 * p
}
