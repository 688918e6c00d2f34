package report

import (
	"fmt"
	"slices"
	"strings"

	"shmbus/internal/bench"
)

// A reading is one figure of one turn.
type reading struct {
	round int
	near  bool
	v     float64
}

// Ratios are those of two figures in the same round.
type Ratios struct {
	bench.Series              // those that count
	near, far    bench.Series // those whose two turns were in that mode, both of them
	rounds       int          // that have both figures
}

// likeAtLeast is how many rounds of like mode there must be, if the others are to be left out.
const likeAtLeast = 5

// within is the ratio of a to b, in the rounds that have both. Between the two turns of a round the cores may have come nearer or farther: such
// a ratio tells that, too, and is left out if there are enough others. All ratios between contenders, and between points, are taken here.
func within(a, b []reading) (r Ratios) {
	var like bench.Series
	for _, x := range a {
		i := slices.IndexFunc(b, func(y reading) bool { return y.round == x.round })
		if i < 0 || !(x.v > 0) || !(b[i].v > 0) {
			continue
		}
		v := x.v / b[i].v
		r.Series = append(r.Series, v)
		if x.near != b[i].near {
			continue
		}
		like = append(like, v)
		if x.near {
			r.near = append(r.near, v)
		} else {
			r.far = append(r.far, v)
		}
	}
	r.rounds = len(r.Series)
	if len(like) >= likeAtLeast {
		r.Series = like
	}
	return r
}

// inverse has one divided by each.
func (r Ratios) inverse() Ratios {
	r.Series, r.near, r.far = r.Series.Inverse(1), r.near.Inverse(1), r.far.Inverse(1)
	return r
}

// said is the ratios of what, and what they were in each mode, if there was more than one.
func (r Ratios) said(what string) string {
	var parts []string
	add := func(s bench.Series, mode string) {
		if len(s) > 0 {
			parts = append(parts, fmt.Sprintf("%s %s in %d", mode, digits(s.Median()), len(s)))
		}
	}
	add(r.near, "near")
	add(r.far, "far")
	if n := len(r.Series) - len(r.near) - len(r.far); n > 0 {
		parts = append(parts, fmt.Sprintf("from one to the other in %d", n))
	}
	if len(parts) < 2 {
		parts = nil
	}
	if n := r.rounds - len(r.Series); n > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d rounds left out", n, r.rounds))
	}
	if len(parts) > 0 {
		what += "; " + strings.Join(parts, ", ")
	}
	return ratio(r.Series) + " " + what
}
