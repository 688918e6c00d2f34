package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"shmbus/internal/bench"
)

// A histogram counts durations in nanoseconds, to be measured and to be drawn.
type histogram struct {
	bench.Histogram
	rows [len(rowEnds) + 1]uint64 // to be drawn: exact, because their ends are not those of a Histogram's buckets
}

// rowEnds are where the rows of a drawn histogram end: 1, 2, 5, 10 ns and so on to 500 s.
var rowEnds = func() (ends [36]int64) {
	at := int64(1)
	for i := 0; i < len(ends); i += 3 {
		ends[i], ends[i+1], ends[i+2] = at, 2*at, 5*at
		at *= 10
	}
	return ends
}()

// add counts v, which is not below 0.
func (h *histogram) add(v int64) {
	h.Record(uint64(v))
	row, exact := slices.BinarySearch(rowEnds[:], v)
	if exact {
		row++
	}
	h.rows[row]++
}

func (h *histogram) merge(o *histogram) {
	h.Add(&o.Histogram)
	for i, n := range o.rows {
		h.rows[i] += n
	}
}

// quantile is the value that a share of q of all values do not exceed, within half a percent.
func (h *histogram) quantile(q float64) int64 { return int64(h.Quantile(q)) }

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
		fmt.Fprintf(b, "%6s - %-6s %*d %5.1f%% %s\n", nice(float64(r.From)), to, digits, r.Count, 100*float64(r.Count)/float64(h.Count()), bar)
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
