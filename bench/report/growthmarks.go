package report

import (
	"fmt"

	"shmbus/internal/bench"
)

// The marks of the series.
const (
	publishMost = 20       // ns, with nobody there
	timeMost    = 35       // the same with the frame's time
	receiveMost = 10       // ns, of a frame that waits
	allocated   = 0.001    // allocations a frame that are none: the runtime's own
	attachMost  = 5e6      // ns
	memoryMost  = 16 << 10 // bytes
	threadsMost = 19
	tailMost    = 1.25 // of the loop's; it is a noisy figure
)

// verdicts are the marks of a series that was measured.
func (g *Growth) verdicts() (all []Verdict) {
	add := func(rounds int, name, is, should string, met bool) {
		all = append(all, Verdict{Cell: g.Name, Name: name, Is: is, Should: should, Met: met, Rounds: rounds})
	}
	switch g.Name {
	case GrowthCalls:
		for _, c := range []struct {
			curve string
			most  float64
		}{{PublishCurve, publishMost}, {PublishTimeCurve, timeMost}, {ReceiveCurve, receiveMost}} {
			if p := g.Point(c.curve, 64); p != nil {
				is := p.Each("ns")
				add(len(is), c.curve+", 64 bytes", shown(is), "at most "+Duration(c.most), is.Median() <= c.most)
			}
		}
		if len(g.Points) > 0 {
			is := g.most("allocations")
			add(g.Rounds, "allocations a frame, in all of these", small(is), "none", is < allocated)
		}
	case GrowthAttach:
		p := g.Point("a new process", 1000)
		if p == nil {
			break
		}
		m := func(key string) float64 { return p.Each(key).Median() }
		add(len(p.Turns), "coming to a bus with 1000 topics", Duration(m("attach")), "less than "+Duration(attachMost), m("attach") < attachMost)
		for _, c := range [][2]string{{"a subscription", "subscription"}, {"a publisher", "publication"}} {
			is := m(c[1]) + m("shared")
			add(len(p.Turns), "memory of an open topic beyond the ring, "+c[0], kib(is), "less than "+kib(memoryMost), is < memoryMost)
		}
	case GrowthBlocked:
		if p := g.Point("all on one topic", 1000); p != nil {
			is := g.most("threads")
			add(len(p.Turns), "threads while up to 1000 goroutines wait", whole(is), fmt.Sprintf("fewer than %d", threadsMost+1), is <= threadsMost)
		}
	case GrowthTail:
		for _, p := range g.curve(loopName) {
			s := g.Point("spin", p.X)
			if s == nil {
				continue
			}
			over := s.over(p, "p999")
			if len(over.Series) == 0 {
				continue
			}
			add(over.rounds, "p99.9 spinning, beside "+beside(p.X), ratio(over.Series)+" of a loop without a bus", fmt.Sprintf("at most %.2f", tailMost), over.Median() <= tailMost)
		}
	}
	return all
}

// shown is the median of times, and their quartiles.
func shown(s bench.Series) string {
	lo, hi := Quartiles(s)
	return fmt.Sprintf("%s (%s–%s)", Duration(s.Median()), digits(lo), digits(hi))
}
