package main

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// A histogram counts durations in nanoseconds. Each power of two is cut in 64 equal parts, so that a quantile is at most 1.6 % too high;
// below 128 ns it is exact.
type histogram struct {
	n        uint64
	min, max int64
	counts   [58 * histogramParts]uint64
	rows     [len(rowEnds) + 1]uint64 // to be drawn: exact, because their ends are not those of the parts
}

const (
	histogramBits  = 6
	histogramParts = 1 << histogramBits
)

// rowEnds are where the rows of a drawn histogram end: 1, 2, 5, 10 ns and so on to 500 s.
var rowEnds = func() (ends [36]int64) {
	at := int64(1)
	for i := 0; i < len(ends); i += 3 {
		ends[i], ends[i+1], ends[i+2] = at, 2*at, 5*at
		at *= 10
	}
	return ends
}()

// part is the index of the part that v is in.
func part(v int64) int {
	shift := max(0, bits.Len64(uint64(v))-histogramBits-1)
	return shift*histogramParts + int(v>>shift)
}

// partEnd is the greatest value in a part.
func partEnd(i int) int64 {
	if i < 2*histogramParts {
		return int64(i)
	}
	shift := i/histogramParts - 1
	start := int64(i-shift*histogramParts) << shift
	return start + 1<<shift - 1
}

// add counts v, which is not below 0.
func (h *histogram) add(v int64) {
	if h.n == 0 {
		h.min, h.max = v, v
	}
	h.n++
	h.min, h.max = min(h.min, v), max(h.max, v)
	h.counts[part(v)]++
	row, exact := slices.BinarySearch(rowEnds[:], v)
	if exact {
		row++
	}
	h.rows[row]++
}

func (h *histogram) merge(o *histogram) {
	switch {
	case o.n == 0:
		return
	case h.n == 0:
		h.min, h.max = o.min, o.max
	}
	h.n += o.n
	h.min, h.max = min(h.min, o.min), max(h.max, o.max)
	for i, n := range o.counts {
		h.counts[i] += n
	}
	for i, n := range o.rows {
		h.rows[i] += n
	}
}

// quantile is the value that a share of q of all values do not exceed.
func (h *histogram) quantile(q float64) int64 {
	if h.n == 0 {
		return 0
	}
	rank := max(1, uint64(math.Ceil(q*float64(h.n)-1e-9)))
	seen := uint64(0)
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return max(h.min, min(partEnd(i), h.max))
		}
	}
	return h.max
}

// A row is a line of a drawn histogram: values from from up to, and without, to.
type row struct {
	From  int64  `json:"from_ns"`
	To    int64  `json:"to_ns"`
	Count uint64 `json:"count"`
}

// drawn is the rows from the first to the last that has something.
func (h *histogram) drawn() []row {
	all := []row{}
	last := 0
	for i, n := range h.rows {
		if n == 0 && len(all) == 0 {
			continue
		}
		r := row{Count: n, To: math.MaxInt64}
		if i > 0 {
			r.From = rowEnds[i-1]
		}
		if i < len(rowEnds) {
			r.To = rowEnds[i]
		}
		all = append(all, r)
		if n > 0 {
			last = len(all)
		}
	}
	return all[:last]
}

// barWidth is how wide the longest bar is.
const barWidth = 40

// draw draws the rows as bars.
func (h *histogram) draw(b *bytes.Buffer) {
	most := slices.Max(h.rows[:])
	rows := h.drawn()
	digits := len(fmt.Sprint(most))
	for _, r := range rows {
		to := "more"
		if r.To != math.MaxInt64 {
			to = nice(float64(r.To))
		}
		bar := drawBar(r.Count, most)
		fmt.Fprintf(b, "%6s - %-6s %*d %5.1f%% %s\n", nice(float64(r.From)), to, digits, r.Count, 100*float64(r.Count)/float64(h.n), bar)
	}
}

// drawBar is a bar for n of most, in eighths of a character. What is there can be seen.
func drawBar(n, most uint64) string {
	if n == 0 {
		return ""
	}
	const eighths = "▏▎▍▌▋▊▉"
	parts := max(1, int(math.Round(float64(n)/float64(most)*barWidth*8)))
	b := strings.Repeat("█", parts/8)
	if rest := parts % 8; rest > 0 {
		width := utf8.RuneLen('▏')
		b += eighths[(rest-1)*width : rest*width]
	}
	return b
}
