package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The figures stand between these lines of docs/BENCHMARKS.md.
const (
	beginMark = "<!-- figures: put in by bench, do not edit -->"
	endMark   = "<!-- end of figures -->"
)

// overviewFile is the name of the overview, among the plots.
const overviewFile = "overview.svg"

// CanPublish is an error if Publish could not be done: the file has no markers, or something cannot be written. It makes the plots' directory.
func CanPublish(file, plots string) error {
	if _, err := os.Stat(file); err != nil { // CanPut would make its directory
		return err
	}
	if err := CanPut(file); err != nil {
		return err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if _, _, err := around(b); err != nil {
		return err
	}
	return CanPut(filepath.Join(plots, overviewFile))
}

// around is what stands before and after the figures.
func around(b []byte) (before, after []byte, err error) {
	before, rest, ok1 := bytes.Cut(b, []byte(beginMark))
	_, after, ok2 := bytes.Cut(rest, []byte(endMark))
	if !ok1 || !ok2 {
		return nil, nil, errors.New("the Markdown file has no place for figures: lines " + beginMark + " and " + endMark)
	}
	return before, after, nil
}

// Publish puts the tables between the markers of the Markdown file and the plots into a directory, whose name as the file calls it is its
// path from the file's directory.
func (r *Result) Publish(file, plots string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, after, err := around(b)
	if err != nil {
		return err
	}
	from, err := filepath.Rel(filepath.Dir(file), plots)
	if err != nil {
		return err
	}
	for _, g := range r.groups() {
		if err := put(filepath.Join(plots, g.name+".svg"), g.svg(&r.Session)); err != nil {
			return err
		}
	}
	if b := r.overview(); b != nil {
		if err := put(filepath.Join(plots, overviewFile), b); err != nil {
			return err
		}
	}
	for i := range r.Growth {
		if err := put(filepath.Join(plots, r.Growth[i].Name+".svg"), r.Growth[i].svg(&r.Session)); err != nil {
			return err
		}
	}
	text := r.Markdown(filepath.ToSlash(from))
	return put(file, slices.Concat(before, []byte(beginMark+"\n\n"+text), []byte(endMark), after))
}

// A group is tables that differ only in the size of messages.
type group struct {
	name   string
	tables []*Table
}

func (r *Result) groups() (all []*group) {
	for i := range r.Tables {
		t := &r.Tables[i]
		name := t.Cell.Group()
		at := slices.IndexFunc(all, func(g *group) bool { return g.name == name })
		if at < 0 {
			at = len(all)
			all = append(all, &group{name: name})
		}
		all[at].tables = append(all[at].tables, t)
	}
	return all
}

// lines are the names of all contenders of the group, in the order of the first table that has them.
func (g *group) lines() (names []string) {
	for _, t := range g.tables {
		for _, l := range t.Shown() {
			if !slices.Contains(names, l.Name) {
				names = append(names, l.Name)
			}
		}
	}
	return names
}

func (g *group) title() string {
	c := g.tables[0].Cell
	if c.Mode == Throughput {
		return fmt.Sprintf("Throughput, %d to %d", c.Pubs, c.Subs)
	}
	if c.Spin {
		return "Latency, spinning"
	}
	return "Latency, blocking"
}

// Markdown is all that stands between the markers. plots is the directory of the plots.
func (r *Result) Markdown(plots string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured %s, in %s: %d rounds, %s a turn.\n\n- Machine: %s.\n- Versions: %s.\n", r.Date, r.Took, r.Rounds, r.RunTime,
		strings.Join(sorted(r.Machine), "; "), r.versions())
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "- Skipped: %s (%s).\n", s.Name, s.Why)
	}
	if r.Rounds < verdictRounds {
		fmt.Fprintf(&b, "- **Fewer than %d rounds: an impression, no verdict.**\n", verdictRounds)
	}
	for _, s := range r.remarks() {
		fmt.Fprintf(&b, "- %s\n", s)
	}
	if rows := r.verdictRows(); len(rows) > 0 {
		b.WriteString("\n### Marks, and who is nearer to shmbus than they should be\n\nMedians and quartiles; *Marks* and *Ten times*, under Method, say how they are judged. At the edge: " +
			"the mark is between the quartiles. Near, far: the median of the rounds in which the cores were so, and how many these were. Left out: rounds whose two turns were of unlike mode.\n\n")
		table(&b, []string{"cell", "contender", "is", "should be", ""}, rows)
	}
	for _, g := range r.groups() {
		g.markdown(&b, plots)
	}
	for i := range r.Growth {
		r.Growth[i].markdown(&b, plots)
	}
	if rows := r.checkRows(); len(rows) > 0 {
		fmt.Fprintf(&b, "\n### Beside earlier figures\n\nMeasured earlier on the build machine with other programs; the same within %.0f %%, or it says so.\n\n", 100*tolerance)
		table(&b, []string{"cell", "contender", "now", "earlier", "cores", ""}, rows)
	}
	b.WriteByte('\n')
	return b.String()
}

func (g *group) markdown(b *strings.Builder, plots string) {
	fmt.Fprintf(b, "\n### %s\n\n![%s](%s/%s.svg)\n\n", g.title(), g.title(), plots, g.name)
	first := g.tables[0]
	fmt.Fprintf(b, "Median of the rounds and quartiles: %s.\n\n", first.unit())
	g.rows(b, func(t *Table, l *Line) string {
		mid, lo, hi := t.Figure(l)
		return fmt.Sprintf("%s (%s–%s)", t.show(mid), t.show(lo), t.show(hi))
	})
	if first.Cell.Mode == Latency {
		b.WriteString("\np99 and p99.9, medians of the rounds (– where a turn has too few round trips for one beyond it); the largest of all.\n\n")
		g.rows(b, func(_ *Table, l *Line) string {
			tail := l.Tail()
			if tail[2] == "–" {
				return ""
			}
			return strings.Join(tail[:], " / ")
		})
	}
	if g.hasCPU() {
		b.WriteString("\nCPU time that a message takes, of all processes and the server together: median of the rounds and quartiles.\n\n")
		g.rows(b, func(_ *Table, l *Line) string {
			s := l.CPU()
			if s == nil {
				return ""
			}
			lo, hi := Quartiles(s)
			return fmt.Sprintf("%s (%s–%s)", Duration(s.Median()), Duration(lo), Duration(hi))
		})
	}
	b.WriteString("\nBeside the bare hardware in the same round; and, in bold, how many times as long as ours it takes: medians and quartiles, of rounds of like mode.\n\n")
	g.rows(b, func(t *Table, l *Line) string {
		s := ""
		if over := t.OverBare(l).Series; len(over) > 0 {
			s = ratio(over) + " of " + t.BareName()
		}
		if over := t.OverOurs(l).Series; len(over) > 0 {
			s += "; **" + ratio(over) + "** times " + l.Against
		}
		return strings.TrimPrefix(s, "; ")
	})
	b.WriteString("\nThe bare line, ring and stream are measured beside each contender, and its ratio is to those; shown are the ones beside the first one.\n")
	for _, t := range g.tables {
		if len(t.Lines) > 0 {
			l := &t.Lines[0]
			fmt.Fprintf(b, "\n%s: beside %s the bare line took %s, ring %s, stream %s a message; cores near in %d of %d rounds.", t.Cell.Name(), l.Name,
				Duration(l.Each(func(r *Run) float64 { return r.Bare.Line }).Median()), Duration(l.Each(func(r *Run) float64 { return r.Bare.Ring }).Median()),
				Duration(l.Each(func(r *Run) float64 { return r.Bare.Stream }).Median()), l.Near(), len(l.Runs))
		}
		for i := range t.Lines {
			if l := &t.Lines[i]; l.Err != "" {
				fmt.Fprintf(b, " Out after %d rounds: %s (%s).", len(l.Runs), l.Name, strings.ReplaceAll(l.Err, "\n", " "))
			}
		}
		if t.Earlier != nil {
			fmt.Fprintf(b, " Measured %s.", t.Earlier.Date)
		}
		b.WriteByte('\n')
	}
}

// hasCPU says whether CPU time was measured in one of the cells.
func (g *group) hasCPU() bool {
	return slices.ContainsFunc(g.tables, func(t *Table) bool {
		return slices.ContainsFunc(t.Lines, func(l Line) bool { return l.CPU() != nil })
	})
}

// rows is a table with a row for each contender and a column for each size.
func (g *group) rows(b *strings.Builder, cell func(t *Table, l *Line) string) {
	head := []string{""}
	for _, t := range g.tables {
		head = append(head, SizeName(t.Cell.Size))
	}
	var rows [][]string
	for _, name := range g.lines() {
		row := []string{name}
		for _, t := range g.tables {
			s := ""
			if l := t.Line(name); l != nil && len(l.Runs) > 0 {
				s = cell(t, l)
			}
			row = append(row, s)
		}
		rows = append(rows, row)
	}
	table(b, head, rows)
}

func table(b *strings.Builder, head []string, rows [][]string) {
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
}
