package report

import (
	"math"
	"slices"
)

// An axis turns values into places, by their logarithms.
type axis struct{ lo, hi, from, to float64 }

func (a axis) at(v float64) float64 {
	return a.from + (a.to-a.from)*math.Log(max(v, a.lo)/a.lo)/math.Log(a.hi/a.lo)
}

// How many ticks are enough to tell how far apart values are: one or two are not. Along the picture's width they have less room.
const (
	ticksUp   = 4
	ticksWide = 3
)

// ticks are the powers of ten, with as many of the values between as it takes to have enough of them.
func (a axis) ticks(enough int) (all []float64) {
	for _, parts := range [][]float64{{1}, {1, 2, 5}, {1, 1.5, 2, 3, 5, 7}} {
		all = all[:0]
		for ten := math.Pow(10, math.Floor(math.Log10(a.lo))); ten <= a.hi; ten *= 10 {
			for _, part := range parts {
				if v := part * ten; v >= a.lo && v <= a.hi*1.0001 {
					all = append(all, v)
				}
			}
		}
		if len(all) >= enough {
			break
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

// wide is from which factor on the places of a series stand at their true distances.
const wide = 16

// along says where places stand from one x to another: at true distances, by their logarithms, if they are far apart; otherwise one step from each to the next.
func along(places []float64, from, to float64) func(x float64) float64 {
	if len(places) > 0 && places[0] > 0 && places[len(places)-1] > wide*places[0] {
		return axis{places[0], places[len(places)-1], from, to}.at
	}
	return func(x float64) float64 {
		return from + (to-from)*float64(slices.Index(places, x))/float64(max(1, len(places)-1))
	}
}
