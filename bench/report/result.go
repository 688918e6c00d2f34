package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"shmbus/internal/bench"
)

// Modes of a cell.
const (
	Latency    = "latency"
	Throughput = "throughput"
)

// A Cell is one table: what is measured with all who can do it, in turn.
type Cell struct {
	Mode string `json:"mode"`
	Size int    `json:"size"` // bytes in a message
	Pubs int    `json:"publishers"`
	Subs int    `json:"subscribers"`
	Spin bool   `json:"spin"` // latency: those who wait keep their CPU
}

// Group is what cells have in common that are shown together.
func (c Cell) Group() string {
	if c.Mode == Throughput {
		return fmt.Sprintf("throughput-%dto%d", c.Pubs, c.Subs)
	}
	if c.Spin {
		return "latency-spin"
	}
	return "latency-block"
}

// Name is the group and the size.
func (c Cell) Name() string { return c.Group() + "-" + SizeName(c.Size) }

// SizeName is a number of bytes, short.
func SizeName(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%dM", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%dK", n>>10)
	}
	return fmt.Sprint(n)
}

// Processes is how many take part.
func (c Cell) Processes() int { return c.Pubs + c.Subs }

// Cells are all there are.
func Cells() (all []Cell) {
	for _, spin := range []bool{true, false} {
		for _, size := range []int{64, 1 << 10, 64 << 10, 1 << 20} {
			all = append(all, Cell{Mode: Latency, Size: size, Pubs: 1, Subs: 1, Spin: spin})
		}
	}
	for _, crowd := range [][2]int{{1, 1}, {1, 2}, {2, 1}, {2, 2}} {
		for _, size := range []int{64, 1 << 10, 64 << 10} {
			all = append(all, Cell{Mode: Throughput, Size: size, Pubs: crowd[0], Subs: crowd[1]})
		}
	}
	return all
}

// nearLine is the largest time of a bare cache line, in ns one way, with which the two cores are called near. On the build machine it is
// 43 to 57 when they are near and 180 to 300 when they are far.
const nearLine = 110

// A Bare is what the hardware did just before a run: ns one way, ns a message.
type Bare struct {
	Line   float64 `json:"line_ns"`
	Ring   float64 `json:"ring_ns"`
	Stream float64 `json:"stream_ns"`
}

// Near says whether the two cores were near each other.
func (b Bare) Near() bool { return b.Line < nearLine }

// A Run is one contender's turn in a round.
type Run struct {
	Round int     `json:"round"`
	Bare  Bare    `json:"bare"`
	Count uint64  `json:"count"` // messages, all of them received and checked by all
	NS    float64 `json:"ns"`    // latency: the median one way; throughput: a message
	P99   float64 `json:"p99_ns,omitempty"`
	P999  float64 `json:"p999_ns,omitempty"`
	Max   float64 `json:"max_ns,omitempty"`
	CPU   float64 `json:"cpu_ns,omitempty"` // time that a message takes of all CPUs, of all processes and of the server; 0: not measured
}

// A Line is one contender in a cell.
type Line struct {
	Name    string `json:"name"`
	Bare    bool   `json:"bare,omitempty"` // no bus: what the hardware and the kernel can do
	Ours    bool   `json:"ours,omitempty"`
	Against string `json:"against,omitempty"` // which of ours it is compared with
	Runs    []Run  `json:"runs"`              // by round
	Err     string `json:"error,omitempty"`   // why there are no more
}

// A Table is a cell that was measured.
type Table struct {
	Cell    Cell     `json:"cell"`
	Lines   []Line   `json:"lines"`
	Earlier *Session `json:"earlier,omitempty"` // it is of; nil: that of the result
}

// Skipped is a contender that cannot be measured here: it is not installed, say.
type Skipped struct {
	Name   string `json:"name"`
	Why    string `json:"why"`
	Broken bool   `json:"broken,omitempty"` // it is installed
}

// A Result is all of it. What Keep has taken over is of other sessions, and says so.
type Result struct {
	Session
	Tables []Table  `json:"tables"`
	Growth []Growth `json:"growth,omitempty"`
}

// Shown are all lines, and before them those of the bare hardware that is measured beside all others, as it was beside the first.
func (t *Table) Shown() (all []*Line) {
	names := []string{"bare stream"}
	switch c := t.Cell; {
	case c.Mode == Latency && c.Spin:
		names = []string{"bare line", "bare ring"}
	case c.Mode == Latency:
		names = []string{"bare line"}
	}
	for i := range names {
		if t.Cell.Size > 64 || len(t.Lines) == 0 {
			break // its messages have 64 bytes
		}
		l := &Line{Name: names[i], Bare: true}
		for _, r := range t.Lines[0].Runs {
			l.Runs = append(l.Runs, Run{Round: r.Round, Bare: r.Bare, NS: bareFigures[names[i]](&r)})
		}
		all = append(all, l)
	}
	for i := range t.Lines {
		all = append(all, &t.Lines[i])
	}
	return all
}

var bareFigures = map[string]func(r *Run) float64{
	"bare line":   func(r *Run) float64 { return r.Bare.Line },
	"bare ring":   func(r *Run) float64 { return r.Bare.Ring },
	"bare stream": func(r *Run) float64 { return r.Bare.Stream },
}

// Line is the line of that name, or nil.
func (t *Table) Line(name string) *Line {
	for _, l := range t.Shown() {
		if l.Name == name {
			return l
		}
	}
	return nil
}

// Each is one figure of each run.
func (l *Line) Each(figure func(r *Run) float64) bench.Series {
	s := make(bench.Series, len(l.Runs))
	for i := range l.Runs {
		s[i] = figure(&l.Runs[i])
	}
	return s
}

// NS is the figure itself: the median latency, or the time a message takes, in ns.
func (l *Line) NS() bench.Series { return l.Each(nsOf) }

// CPU is the CPU time that a message takes, in ns, or nothing if it was not measured.
func (l *Line) CPU() bench.Series {
	if len(l.Runs) == 0 || l.Runs[0].CPU == 0 {
		return nil
	}
	return l.Each(cpuOf)
}

func nsOf(r *Run) float64  { return r.NS }
func cpuOf(r *Run) float64 { return r.CPU }

// over is the ratio of l's time to o's in the same round, for the rounds that both have.
func (l *Line) over(o *Line) Ratios { return l.beside(o, nsOf) }

// beside is the ratio of l's figure to o's in the same round, for the rounds that both have.
func (l *Line) beside(o *Line, figure func(r *Run) float64) Ratios {
	return within(l.readings(figure), o.readings(figure))
}

func (l *Line) readings(figure func(r *Run) float64) []reading {
	all := make([]reading, len(l.Runs))
	for i := range l.Runs {
		r := &l.Runs[i]
		all[i] = reading{r.Round, r.Bare.Near(), figure(r)}
	}
	return all
}

// The contenders that others are compared with: no bus.
const (
	FutexName  = "bare futex and memory, C"
	MemoryName = "bare memory"
	TakenName  = "bare memory, lines taken"
	MemcpyName = "memcpy, C, one process"
)

// quicker has the quicker one of each round: which of the two is the bound depends on how far the cores are apart.
func (l *Line) quicker(o *Line) *Line {
	if o == nil {
		return l
	}
	both := &Line{Name: l.Name, Bare: true, Runs: slices.Clone(l.Runs)}
	for _, r := range o.Runs {
		if i := slices.IndexFunc(both.Runs, func(q Run) bool { return q.Round == r.Round }); i < 0 {
			both.Runs = append(both.Runs, r)
		} else if r.NS < both.Runs[i].NS {
			both.Runs[i] = r
		}
	}
	return both
}

// BareName says what a cell's lines are compared with, as far as the hardware goes.
func (t *Table) BareName() string {
	switch c := t.Cell; {
	case c.Mode == Latency && !c.Spin:
		return FutexName
	case c.Size > 64:
		return MemoryName
	case c.Mode == Latency:
		return "bare ring"
	}
	return "bare stream"
}

// OverBare compares a line with the bare hardware in the same round: the latency with its latency, the rate with its rate. With bare memory that is the
// quicker of the two kinds. It is empty if the cell has no bare line to compare with.
func (t *Table) OverBare(l *Line) (r Ratios) {
	if beside := bareFigures[t.BareName()]; beside != nil {
		r = within(l.readings(nsOf), l.readings(beside))
	} else if bare := t.Line(t.BareName()); bare != nil {
		r = l.over(bare.quicker(t.Line(TakenName)))
	}
	if t.Cell.Mode == Throughput {
		r = r.inverse()
	}
	return r
}

// OverOurs is the ratio of a peer's time to that of our contender that it is compared with, in the same round: how many times faster we are.
func (t *Table) OverOurs(l *Line) Ratios {
	if ours := t.Line(l.Against); ours != nil {
		return l.over(ours)
	}
	return Ratios{}
}

// Near is in how many of a line's runs the cores were near.
func (l *Line) Near() (n int) {
	for i := range l.Runs {
		if l.Runs[i].Bare.Near() {
			n++
		}
	}
	return n
}

// Failed is an error if one of ours has fallen out of a cell, or a point out of a series, or if a contender that is installed could not be started.
// That peers fall out is no error: their lines say so.
func (r *Result) Failed() error {
	var all []error
	for _, s := range r.Skipped {
		if s.Broken {
			all = append(all, fmt.Errorf("%s: %s", s.Name, s.Why))
		}
	}
	for i := range r.Tables {
		for _, l := range r.Tables[i].Lines {
			if l.Ours && l.Err != "" {
				all = append(all, fmt.Errorf("%s: %s: %s", r.Tables[i].Cell.Name(), l.Name, l.Err))
			}
		}
	}
	for i := range r.Growth {
		for _, p := range r.Growth[i].Points {
			if p.Err != "" {
				all = append(all, fmt.Errorf("%s: %s at %s: %s", r.Growth[i].Name, p.Curve, Place(r.Growth[i].Name, p.X), p.Err))
			}
		}
	}
	return errors.Join(all...)
}

// Quartiles are those of a series.
func Quartiles(s bench.Series) (lo, hi float64) {
	c := slices.Sorted(slices.Values(s))
	if len(c) == 0 {
		return 0, 0
	}
	return c[(len(c)-1)/4], c[len(c)-1-(len(c)-1)/4]
}

// Match says whether one of the words begins the cell's name; none match all.
func (c Cell) Match(words []string) bool { return Match(c.Name(), words) }

// Match says whether one of the words begins the name of a cell or a series; none match all.
func Match(name string, words []string) bool {
	return len(words) == 0 || slices.ContainsFunc(words, func(w string) bool {
		return w == name || strings.HasPrefix(name+"-", w+"-")
	})
}
