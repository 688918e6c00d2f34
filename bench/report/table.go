package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"shmbus/internal/bench"
)

// Text is the result for a terminal.
func (r *Result) Text() string {
	var b strings.Builder
	for i := range r.Tables {
		r.Tables[i].text(&b)
	}
	for i := range r.Growth {
		r.Growth[i].text(&b)
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "skipped: %s: %s\n", s.Name, s.Why)
	}
	columns := func(title string, rows [][]string) {
		if len(rows) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", title)
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, row := range rows {
			fmt.Fprintln(w, strings.Join(row, "\t"))
		}
		_ = w.Flush()
	}
	columns("marks, and who is nearer than they should be", r.verdictRows())
	columns("beside earlier figures", r.checkRows())
	fmt.Fprintf(&b, "\n%s, %d rounds, %s a turn, took %s\n", r.Date, r.Rounds, r.RunTime, r.Took)
	for _, s := range r.remarks() {
		fmt.Fprintln(&b, s)
	}
	if r.Rounds < verdictRounds {
		fmt.Fprintf(&b, "fewer than %d rounds: an impression, no verdict\n", verdictRounds)
	}
	return b.String()
}

// verdictRounds is how many rounds a verdict needs.
const verdictRounds = 10

func (t *Table) text(b *strings.Builder) {
	fmt.Fprintf(b, "%s (%s, quartiles; ratios within a round)\n", t.Cell.Name(), t.unit())
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	head := "\tmedian\t25 %%\t75 %%\t"
	if t.Cell.Mode == Latency {
		head += "p99\tp99.9\tmax\t"
	}
	fmt.Fprintf(w, head+"CPU time\tof %s\tours faster by\tnear\n", t.BareName())
	for _, l := range t.Shown() {
		if len(l.Runs) == 0 {
			continue
		}
		mid, lo, hi := t.Figure(l)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t", l.Name, t.show(mid), t.show(lo), t.show(hi))
		if t.Cell.Mode == Latency {
			tail := l.Tail()
			fmt.Fprint(w, strings.Join(tail[:], "\t")+"\t")
		}
		took := "–"
		if s := l.CPU(); s != nil {
			took = Duration(s.Median())
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d/%d\n", took, ratio(t.OverBare(l).Series), ratio(t.OverOurs(l).Series), l.Near(), len(l.Runs))
	}
	_ = w.Flush()
	for i := range t.Lines {
		if l := &t.Lines[i]; l.Err != "" {
			fmt.Fprintf(b, "out after %d rounds: %s: %s\n", len(l.Runs), l.Name, l.Err)
		}
	}
	b.WriteByte('\n')
}

func (t *Table) unit() string {
	if t.Cell.Mode == Latency {
		return "one way, half a round trip"
	}
	return "messages a second, to each subscriber"
}

// Figure is what is shown of a line: the median of the rounds and its quartiles, as ns or as messages a second.
func (t *Table) Figure(l *Line) (mid, lo, hi float64) {
	s := l.NS()
	if t.Cell.Mode == Throughput {
		s = s.Inverse(1e9)
	}
	lo, hi = Quartiles(s)
	return s.Median(), lo, hi
}

// show is a figure for people.
func (t *Table) show(v float64) string {
	if t.Cell.Mode == Latency {
		return Duration(v)
	}
	return Rate(v)
}

// Tail is the medians of the rounds' p99 and p99.9, and the largest of all, for people: "–" is what was not measured, or is of too few.
func (l *Line) Tail() [3]string {
	quantile := func(key string, figure func(r *Run) float64) string {
		var s bench.Series
		for i := range l.Runs {
			if r := &l.Runs[i]; (r.Count == 0 || float64(r.Count) >= beyond[key]) && figure(r) > 0 {
				s = append(s, figure(r))
			}
		}
		if len(s) == 0 {
			return "–"
		}
		return Duration(s.Median())
	}
	all := [3]string{quantile("p99", func(r *Run) float64 { return r.P99 }), quantile("p999", func(r *Run) float64 { return r.P999 }), "–"}
	if most := l.Each(func(r *Run) float64 { return r.Max }).Most(); most > 0 {
		all[2] = Duration(most)
	}
	return all
}

// ratio is the median of ratios, and their quartiles.
func ratio(s bench.Series) string {
	if len(s) == 0 {
		return "–"
	}
	lo, hi := Quartiles(s)
	return fmt.Sprintf("%s (%s–%s)", digits(s.Median()), digits(lo), digits(hi))
}

func (r *Result) verdictRows() (rows [][]string) {
	for _, v := range r.Verdicts() {
		rows = append(rows, v.row())
	}
	return rows
}

func (r *Result) checkRows() (rows [][]string) {
	for _, c := range r.Checks() {
		rows = append(rows, c.row())
	}
	return rows
}

// row is a check for a table.
func (c Check) row() []string {
	earlier := Duration(c.Lo)
	if c.Hi > c.Lo {
		earlier += "–" + Duration(c.Hi)
	}
	verdict := "as before"
	switch {
	case c.Within():
	case c.Now < c.Lo:
		verdict = fmt.Sprintf("DIFFERS: %s of it", digits(c.Now/c.Lo))
	default:
		verdict = fmt.Sprintf("DIFFERS: %s times as much", digits(c.Now/c.Hi))
	}
	if c.Note != "" {
		verdict += " (earlier: " + c.Note + ")"
	}
	return []string{c.Cell, c.Name, Duration(c.Now), earlier, fmt.Sprintf("%s, %d rounds", c.Mode, c.Runs), verdict}
}

// Duration is a time in ns for people.
func Duration(v float64) string {
	switch {
	case v >= 1e9:
		return digits(v/1e9) + " s"
	case v >= 1e6:
		return digits(v/1e6) + " ms"
	case v >= 1e3:
		return digits(v/1e3) + " µs"
	}
	return digits(v) + " ns"
}

// Rate is a number of messages a second for people.
func Rate(v float64) string {
	switch {
	case v >= 1e6:
		return digits(v/1e6) + " M"
	case v >= 1e3:
		return digits(v/1e3) + " k"
	}
	return digits(v)
}

// digits is a number with three digits that count.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// sorted is a map's words, in order.
func sorted(m map[string]string) (all []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, k+": "+m[k])
	}
	return all
}
