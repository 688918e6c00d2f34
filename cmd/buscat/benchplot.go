package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"shmbus/internal/bench"
)

const (
	plotWidth = 48 // characters of the longest bar
	plotRows  = 16
)

// textBar is a bar of that length, with eighths of a character at its end.
func textBar(length float64) string {
	eighths := int(math.Round(length * 8))
	text := strings.Repeat("█", eighths/8)
	if r := eighths % 8; r > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[r-1])
	}
	return text
}

// ratePlot draws the rate of each turn, filled, and up to where the bare stream was in that turn.
func ratePlot(w io.Writer, r *bench.Result) {
	rates, streams := r.Rates(), r.StreamRates()
	most := max(rates.Most(), streams.Most())
	fmt.Fprintf(w, "frames/s of each turn, and ░ the bare stream\n")
	for i, v := range rates {
		filled := textBar(plotWidth * v / most)
		rest := int(math.Round(plotWidth*streams[i]/most)) - len([]rune(filled))
		fmt.Fprintf(w, "%4d %8s %s%s\n", i+1, thousands(v), filled, strings.Repeat("░", max(0, rest)))
	}
}

// A latencyPart is part of a distribution of latencies: from Lo to Hi, in ns of half the round trip.
type latencyPart struct {
	lo, hi float64
	part   float64 // of all
}

// distribution cuts the latencies from the least to the quantile q into n parts that are equally wide on a logarithmic scale.
func distribution(h *bench.Histogram, n int, q float64) []latencyPart {
	lo := math.Max(.5, float64(h.Min())/2)
	hi := math.Max(lo*1.01, float64(h.Quantile(q))/2)
	step := math.Pow(hi/lo, 1/float64(n))
	all := make([]latencyPart, n)
	for i := range all {
		all[i].lo = lo * math.Pow(step, float64(i))
		all[i].hi = all[i].lo * step
	}
	for b := range h.Bars() {
		share := float64(b.Count) / float64(h.Count())
		from, to := math.Max(lo, float64(b.Lo)/2), math.Max(lo, float64(b.Hi+1)/2)
		first, last := logPlace(from/lo, step), logPlace(to/lo, step)
		if from == to { // it is less than what the scale begins with
			all[0].part += share
			continue
		}
		// A bucket may lie across several parts: each gets what would be its own if the bucket were even.
		for i := first; i <= last && i < n; i++ {
			overlap := math.Min(to, all[i].hi) - math.Max(from, all[i].lo)
			all[i].part += share * math.Max(0, overlap) / (to - from)
		}
	}
	return all
}

func logPlace(ratio, step float64) int { return max(0, int(math.Log(ratio)/math.Log(step))) }

// latencyPlot draws how latencies are distributed.
func latencyPlot(w io.Writer, r *bench.Result) {
	h := r.All()
	all := distribution(h, plotRows, .99)
	most := 0.0
	for _, s := range all {
		most = max(most, s.part)
	}
	ring := r.Rings().Median()
	fmt.Fprintln(w, "latency up to p99, and ◂ where the bare ring is")
	for _, s := range all {
		mark := ""
		if ring >= s.lo && ring < s.hi {
			mark = " ◂"
		}
		fmt.Fprintf(w, "%8s %5.1f %% %s%s\n", nanoseconds(s.lo), 100*s.part, textBar(plotWidth*s.part/most), mark)
	}
	if ring < all[0].lo {
		fmt.Fprintf(w, "the bare ring is at %s, left of these\n", nanoseconds(ring))
	}
}
