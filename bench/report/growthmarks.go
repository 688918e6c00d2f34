package report

import (
	"fmt"

	"shmbus/internal/bench"
)

// The marks of the series, which are in their plots, too.
const (
	publishMost = 20 // ns, with nobody there
	timeMost    = 35 // ns, the same with the frame's time
	receiveMost = 10 // ns, of a frame that waits
	attachMost  = 5e6
	waitersMost = 8    // goroutines that have a thread each
	idleLong    = 30e9 // ns of a turn
	idleTurns   = 3    // of that length say as much as verdictRounds of others
)

var (
	publishMark = atMost(publishMost)
	timeMark    = atMost(timeMost)
	receiveMark = atMost(receiveMost)
	allocated   = lessThan(.001) // allocations a frame that are none: the runtime's own
	attachMark  = lessThan(attachMost)
	memoryMark  = lessThan(16 << 10)
	threadsMark = bound{"fewer than", 20, lessThan(20).meets}
	futexMark   = atMost(1.2)    // of a thread on a futex of its own
	idleMark    = lessThan(.001) // of a CPU
	tailMark    = atMost(1.25)   // of the loop's; it is a noisy figure
)

// verdicts are the marks of a series that was measured.
func (g *Growth) verdicts() (all []Verdict) {
	add := func(rounds int, name, is, should string, j Judgement) {
		all = append(all, Verdict{Cell: g.Name, Name: name, Is: is, Should: should, Judgement: j, Rounds: rounds})
	}
	switch g.Name {
	case GrowthCalls:
		for _, c := range []struct {
			curve  string
			should bound
		}{{PublishCurve, publishMark}, {PublishTimeCurve, timeMark}, {ReceiveCurve, receiveMark}} {
			if p := g.Point(c.curve, 64); p != nil {
				is := p.Each("ns")
				add(len(is), c.curve+", 64 bytes", shown(is, Duration), c.should.said(Duration), c.should.judge(is))
			}
		}
		if len(g.Points) > 0 {
			is := g.most("allocations")
			add(g.Rounds, "allocations a frame, in all of these", small(is), "none", allocated.judge(bench.Series{is}))
		}
	case GrowthAttach:
		p := g.Point("a new process", 1000)
		if p == nil {
			break
		}
		is := p.Each("attach")
		add(len(is), "coming to a bus with 1000 topics", shown(is, Duration), attachMark.said(Duration), attachMark.judge(is))
		for _, c := range [][2]string{{"a subscription", "subscription"}, {"a publisher", "publication"}} {
			is := p.sum(c[1], "shared")
			add(len(is), "memory of an open topic beyond the ring, "+c[0], shown(is, kib), memoryMark.said(kib), memoryMark.judge(is))
		}
	case GrowthBlocked:
		if p := g.Point("all on one topic", 1000); p != nil {
			is := g.most("threads", OwnFutexCurve)
			add(len(p.Turns), "threads while up to 1000 goroutines wait", whole(is), threadsMark.String(), threadsMark.judge(bench.Series{is}))
		}
		if p, bare := g.Point(OwnTopicCurve, waitersMost), g.Point(OwnFutexCurve, waitersMost); p != nil && bare != nil {
			is := p.over(bare, "p50")
			add(is.rounds, fmt.Sprintf("p50, %d goroutines, %s", waitersMost, OwnTopicCurve), is.said("of "+OwnFutexCurve), futexMark.said(hundredths), is.judge(futexMark))
		}
	case GrowthIdle:
		for _, x := range []float64{IdleSubscriber, IdleTap, IdleLossless, IdleBusd} {
			p := g.Point(IdleCurve, x)
			if p == nil {
				continue
			}
			is, rounds := p.Each("cpu"), len(p.Turns)
			if rounds >= idleTurns && p.Each("long").Least() >= idleLong {
				rounds = max(rounds, verdictRounds)
			}
			add(rounds, idleName(x)+", waiting", shown(is, percent)+" of a CPU", idleMark.said(percent), idleMark.judge(is))
		}
	case GrowthTail:
		for _, p := range g.curve(loopName) {
			s := g.Point("spin", p.X)
			if s == nil {
				continue
			}
			if over := s.over(p, "p999"); len(over.Series) > 0 {
				add(over.rounds, "p99.9 spinning, beside "+beside(p.X), over.said("of a loop without a bus"), tailMark.said(hundredths), over.judge(tailMark))
			}
		}
	}
	return all
}

// sum is the sum of two figures of each turn that has both.
func (p *Point) sum(a, b string) (s bench.Series) {
	for i := range p.Turns {
		v, ok := p.Turns[i].figure(a)
		if w, both := p.Turns[i].figure(b); ok && both {
			s = append(s, v+w)
		}
	}
	return s
}

// shown is the median, and the quartiles if they are others.
func shown(s bench.Series, show func(v float64) string) string {
	lo, hi := Quartiles(s)
	if show(lo) == show(hi) {
		return show(s.Median())
	}
	return fmt.Sprintf("%s (%s–%s)", show(s.Median()), show(lo), show(hi))
}
