package report

import (
	"slices"
	"unicode/utf8"
)

// An area is what something takes of a plot.
type area struct{ left, top, right, bottom float64 }

func (a area) meets(b area) bool {
	return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

// textWide is what a text of letters of a usual width takes.
func textWide(s string) float64 { return 6.5 * float64(utf8.RuneCountInString(s)) }

// textArea is what a text takes.
func textArea(x, y float64, anchor, s string) area {
	wide := textWide(s)
	switch anchor {
	case "middle":
		x -= wide / 2
	case "end":
		x -= wide
	}
	return area{x, y - 10, x + wide, y + 3}
}

func (d dot) area() area {
	return area{d.x - dotRadius, d.y - dotRadius, d.x + dotRadius, d.y + dotRadius}
}

// label draws a text at the nearest place, below or above the one that is meant for it, where nothing is drawn in the panel below top, and adds it to
// what is taken. Where there is no such place it stays.
func (p *picture) label(taken []area, x, y float64, anchor, colour, s string, top float64) []area {
	for away := range curveHigh {
		for _, at := range []float64{y - float64(away), y + float64(away)} {
			a := textArea(x, at, anchor, s)
			if a.top >= top+curveTop-10 && a.bottom <= top+curveEnd && !slices.ContainsFunc(taken, a.meets) {
				p.ink(x, at, anchor, colour, s)
				return append(taken, a)
			}
		}
	}
	p.ink(x, y, anchor, colour, s)
	return taken
}
