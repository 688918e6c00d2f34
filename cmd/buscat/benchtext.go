package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"text/tabwriter"

	"shmbus/bus"
	"shmbus/internal/bench"
)

// benchTitle says what was measured.
func benchTitle(r *bench.Result) string {
	s := r.Spec
	words := []string{s.Mode, size(s.Size), fmt.Sprintf("%s to %s", count(s.Publishers, "publisher"), count(s.Subscribers, "subscriber")), s.Topic.Policy.String()}
	if s.Topic.Exclusive {
		words = append(words, "exclusive")
	}
	if s.Early {
		words = append(words, "early wake")
	}
	if s.Batch > 1 {
		words = append(words, fmt.Sprintf("batches of %d", s.Batch))
	}
	return strings.Join(append(words, "wait "+string(s.Wait)), ", ")
}

// benchText is the result as a table and a plot.
func benchText(r *bench.Result) []byte {
	var b bytes.Buffer
	s := r.Spec
	pinned := "not pinned"
	if len(s.CPUs) > 0 {
		pinned = "pinned"
	}
	fmt.Fprintf(&b, "%s\n%d slots of %d bytes, %s, %s\n\n", benchTitle(r), s.Topic.Slots, s.Topic.CellSize, pinned, count(len(r.Turns), "turn"))
	var cells bytes.Buffer
	w := tabwriter.NewWriter(&cells, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tmedian\tleast\tmost\tratio\tleast\tmost\t")
	row := func(name string, v bench.Series, unit func(float64) string, over bench.Series) {
		fmt.Fprintf(w, "%-14s\t%s\t%s\t%s\t", name, unit(v.Median()), unit(v.Least()), unit(v.Most()))
		if x := v.Over(over); len(x) > 0 {
			fmt.Fprintf(w, "%s\t%s\t%s\t", ratio(x.Median()), ratio(x.Least()), ratio(x.Most()))
		} else {
			fmt.Fprint(w, "\t\t\t")
		}
		fmt.Fprintln(w)
	}
	note := "ratio: to the bare stream in the same turn"
	if s.Mode == bench.LatencyMode {
		note = "latency: half the round trip; ratio: to the bare ring in the same turn"
		for _, q := range benchQuantiles {
			row(q.name, r.Halves(q.part), nanoseconds, r.Rings())
		}
	} else {
		row("frames/s", r.Rates(), thousands, r.StreamRates())
		row("bytes/s", timesEach(r.Rates(), float64(s.Size)), thousands, nil)
		row("ns a frame", r.Rates().Inverse(1e9), nanoseconds, r.Each(func(t *bench.Turn) float64 { return t.Stream }))
	}
	if s.Size > 64 {
		note += ", whose messages have 64 bytes"
	}
	row("bare line, ns", r.Lines(), nanoseconds, nil)
	row("bare ring, ns", r.Rings(), nanoseconds, nil)
	row("bare stream/s", r.StreamRates(), thousands, nil)
	_ = w.Flush()
	for line := range strings.Lines(cells.String()) {
		fmt.Fprintln(&b, strings.TrimRight(line[2:], " \n")) // the first column is not to be set apart
	}
	lost := r.Sum(func(o *bench.Outcome) uint64 { return o.Lost })
	received := r.Sum(func(o *bench.Outcome) uint64 { return o.Received })
	fmt.Fprintf(&b, "%s\n", note)
	if s.Topic.Policy == bus.PolicyLossless {
		fmt.Fprintf(&b, "%s received, checked: every one, once, in order\n", frames(received))
	} else {
		fmt.Fprintf(&b, "%s received, checked; %d lost (%.1f %%), every one counted\n", frames(received), lost,
			100*float64(lost)/math.Max(1, float64(received+lost)))
	}
	if len(r.Turns) < verdictTurns {
		fmt.Fprintf(&b, "fewer than %d turns: an impression, no verdict\n", verdictTurns)
	}
	b.WriteByte('\n')
	if s.Mode == bench.LatencyMode {
		latencyPlot(&b, r)
	} else {
		ratePlot(&b, r)
	}
	return b.Bytes()
}

// benchQuantiles are those of the table. The turns' least and largest are quantiles, too.
var benchQuantiles = []struct {
	name string
	part float64
}{
	{"min", 0}, {"p50", .5}, {"p90", .9}, {"p99", .99}, {"p99.9", .999}, {"max", 1},
}

func timesEach(s bench.Series, by float64) bench.Series {
	r := make(bench.Series, len(s))
	for i, v := range s {
		r[i] = v * by
	}
	return r
}

// thousands is a large number for people.
func thousands(v float64) string {
	for _, u := range []struct {
		from float64
		name string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if v >= u.from {
			return threeDigits(v/u.from) + u.name
		}
	}
	return threeDigits(v)
}

// nanoseconds is a number of them for people.
func nanoseconds(v float64) string {
	switch {
	case v >= 1e9:
		return threeDigits(v/1e9) + " s"
	case v >= 1e6:
		return threeDigits(v/1e6) + " ms"
	case v >= 1e4:
		return threeDigits(v/1e3) + " µs"
	}
	return threeDigits(v) + " ns"
}

// ratio is one for people: a frame of 64 KiB takes a thousand times as long as a cache line.
func ratio(v float64) string {
	if v < 0.1 {
		return fmt.Sprintf("%.2g", v)
	}
	return threeDigits(v)
}

// threeDigits is a number with three digits that count.
func threeDigits(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
