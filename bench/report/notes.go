package report

import (
	"fmt"
	"slices"

	"shmbus/internal/bench"
)

// What the figures of a series say is put together from them; what they do not bear out is not said.

// median is a figure of a point, or 0 if it was not measured.
func (g *Growth) median(curve string, x float64, key string) float64 {
	if p := g.Point(curve, x); p != nil {
		return p.Each(key).Median()
	}
	return 0
}

// ends are the first and the last place that a curve has.
func (g *Growth) ends(curve string) (first, last *Point) {
	if all := g.curve(curve); len(all) > 1 {
		return all[0], all[len(all)-1]
	}
	return nil, nil
}

// between shows the least and the largest.
func between(s bench.Series, show func(float64) string) string {
	if lo, hi := show(s.Least()), show(s.Most()); lo != hi {
		return lo + " to " + hi
	}
	return show(s.Most())
}

func subscribersNotes(g *Growth) (notes []string) {
	var each bench.Series
	for _, p := range g.curve("lossless") {
		each = append(each, p.Each("ns").Median()/p.X)
	}
	if len(each) > 1 {
		notes = append(notes, fmt.Sprintf("Lossless, a frame takes %s for each subscriber, whose goroutines share one CPU.", between(each, Duration)))
	}
	if first, last := g.ends("lossy"); last != nil {
		notes = append(notes, fmt.Sprintf("With lossy subscribers a frame takes the publisher %s with %.0f of them and %s with %.0f: it does not wait for them.",
			Duration(first.Each("publisher").Median()), first.X, Duration(last.Each("publisher").Median()), last.X))
	}
	return slices.Concat(notes, losslessCliffs(g), lossyShares(g))
}

func topicsNotes(g *Growth) (notes []string) {
	const two, one, sw = "two goroutines", "one goroutine", "switches"
	if a, b := g.median(two, 1, "ns"), g.median(two, 10, "ns"); b > 0 && a > 1.5*b && g.median(two, 1, sw) > 2*g.median(two, 10, sw) {
		notes = append(notes, fmt.Sprintf("With one topic two goroutines take %s a frame, more than with ten (%s): threads switch %.1f times as often, because one ring is "+
			"full, or empty, sooner than ten, and then one of them sleeps.", Duration(a), Duration(b), g.median(two, 1, sw)/g.median(two, 10, sw)))
	}
	first, last := g.ends(one)
	bareFirst, bareLast := g.ends(one + ", no bus")
	if last == nil || bareLast == nil {
		return append(notes, topicsCliff(g)...)
	}
	m := func(p *Point) float64 { return p.Each("ns").Median() }
	said := fmt.Sprintf("With one goroutine a frame takes %s on one topic and %s on %.0f; a ring without a bus for each takes %s and %s", Duration(m(first)), Duration(m(last)), last.X,
		Duration(m(bareFirst)), Duration(m(bareLast)))
	if m(last) > 1.5*m(first) && m(bareLast) > 1.5*m(bareFirst) {
		said += ": the memory of so many, visited in turn, takes longer without a bus as well"
	}
	notes = append(notes, said+fmt.Sprintf(". Threads switch %s times a frame at most.", small(last.Each(sw).Most())))
	return append(notes, topicsCliff(g)...)
}

func attachNotes(g *Growth) []string {
	_, last := g.ends("a new process")
	if last == nil {
		return nil
	}
	m := func(key string) float64 { return last.Each(key).Median() }
	notes := []string{fmt.Sprintf("With %.0f topics open an open topic takes, beyond its ring, %s for a subscription or %s for a publisher: in the process, and in the file, "+
		"where it is shared by all. With few open most of it is what the first one takes.",
		last.X, kib(m("subscription")+m("shared")), kib(m("publication")+m("shared")))}
	if first, _ := g.ends("a new process"); m("make") > 2*first.Each("make").Median() {
		notes = append(notes, fmt.Sprintf("To make one more topic takes %s on a bus with %.0f and %s with %.0f: the whole table is looked through.",
			Duration(first.Each("make").Median()), first.X, Duration(m("make")), last.X))
	}
	return notes
}

func blockedNotes(g *Growth) (notes []string) {
	const all, own = "all on one topic", OwnTopicCurve
	var first bench.Series
	for _, p := range g.curve(all) {
		if s := p.Each("first"); len(s) > 0 {
			first = append(first, s.Median())
		}
	}
	if a, b := g.Point(all, 64), g.Point(all, 1000); a != nil && b != nil {
		each := (b.Each("last").Median() - a.Each("last").Median()) / (b.X - a.X)
		notes = append(notes, fmt.Sprintf("On one topic the first goroutine runs after %s, however many wait; from 64 to 1000 each one more takes %s.", between(first, Duration), Duration(each)))
	}
	for _, s := range g.steps(all) {
		notes = append(notes, blockedCliff(s)...)
	}
	if a, b := g.Point(own, 8), g.Point(own, 64); a != nil && b != nil {
		m := func(p *Point, key string) float64 { return p.Each(key).Median() }
		said := fmt.Sprintf("On a topic of its own a goroutine runs after %s when 8 wait, each with a thread, and after %s when 64 share a few", Duration(m(a, "p50")), Duration(m(b, "p50")))
		if m(b, "cpu") > 1.5*m(a, "cpu") {
			said += fmt.Sprintf("; a frame then takes %s of processor time instead of %s, because the thread that is woken has been waiting on the bells of many",
				Duration(m(b, "cpu")), Duration(m(a, "cpu")))
		}
		notes = append(notes, said+".")
		if c := g.Point(own, 1000); c != nil {
			notes = append(notes, fmt.Sprintf("With 1000 it is %s, and there were %.0f threads at most.", Duration(m(c, "p50")), g.most("threads", OwnFutexCurve)))
		}
	}
	return notes
}

// most is the largest of a figure, but for some curves.
func (g *Growth) most(key string, but ...string) (v float64) {
	for i := range g.Points {
		if slices.Contains(but, g.Points[i].Curve) {
			continue
		}
		v = max(v, g.Points[i].Each(key).Most())
	}
	return v
}

func ringsNotes(g *Growth) (notes []string) {
	rise := func(curve string) (string, bool) {
		_, last := g.ends(curve)
		if last == nil || g.median(curve, 1<<20, "ns") == 0 {
			return "", false
		}
		return fmt.Sprintf("%s to %s", Duration(g.median(curve, 1<<20, "ns")), Duration(last.Each("ns").Median())), true
	}
	if a, ok := rise("nobody receives"); ok {
		if b, ok := rise("the same stores, no bus"); ok {
			c, _ := rise("to another process")
			notes = append(notes, fmt.Sprintf("From 1 MiB to the largest ring a frame goes from %s with nobody there, and from %s to another process; the same stores without a bus go from %s.", a, c, b))
		}
	}
	if _, last := g.ends("make"); last != nil {
		mib := last.X / (1 << 20)
		m := func(key string) float64 { return last.Each(key).Median() }
		notes = append(notes, fmt.Sprintf("Making the largest ring takes %s for each MiB, and the kernel takes %s for a file as large that is reserved, mapped and unmapped; coming "+
			"to it takes %s. Every page is there before the first frame.", Duration(m("make")/mib), Duration(m("reserve")/mib), Duration(m("attach")/mib)))
	}
	return append(notes, ringsCliffs(g)...)
}

func framesNotes(g *Growth) (notes []string) {
	for _, name := range []string{"shmbus spin, in place", "shmbus spin"} {
		var s bench.Series
		for _, p := range g.curve(name) {
			if b := g.Point(MemoryName, p.X); b != nil {
				s = append(s, p.over(b.quicker(g.Point(TakenName, p.X)), "ns").Median())
			}
		}
		if len(s) > 0 {
			notes = append(notes, fmt.Sprintf("%s takes %s times as long as bare memory, the quicker of the two where there are two, over all sizes that it has; median of ratios in the same round.", name, between(s, digits)))
		}
	}
	if a, b := g.median(MemoryName, 256<<10, "gbs"), g.median(MemoryName, 16<<20, "gbs"); b > 0 && b < .9*a { // what is less than that is the machine's drift
		notes = append(notes, fmt.Sprintf("Bare memory falls as well where rings do not fit into the cache any more: from %s with frames of 256 KiB to %s with 16 MiB.", perSec(a), perSec(b)))
	}
	return append(notes, framesCliffs(g)...)
}

func waitingNotes(g *Growth) (notes []string) {
	for _, c := range [][2]string{{"spin", "spin, no bus"}, {"block", "futex, no bus"}} {
		first, last := g.ends(c[0])
		bareFirst, bareLast := g.ends(c[1])
		if last == nil || bareLast == nil {
			continue
		}
		m := func(p *Point) float64 { return p.Each("p50").Median() }
		said := fmt.Sprintf("From the shortest gap to the longest, p50 of *%s* goes from %s to %s, and that of *%s* from %s to %s", c[0], Duration(m(first)), Duration(m(last)),
			c[1], Duration(m(bareFirst)), Duration(m(bareLast)))
		if m(last) > 3*m(first) && m(bareLast) > 3*m(bareFirst) {
			said += ": without a bus it is so as well"
		}
		notes = append(notes, said+".")
	}
	return notes
}

// loopName is the curve that the tail is compared with.
const loopName = "a loop, no bus"

func tailNotes(g *Growth) (notes []string) {
	for _, p := range g.curve(loopName) {
		s := g.Point("spin", p.X)
		if s == nil {
			continue
		}
		over := s.over(p, "p999").Series
		if len(over) == 0 {
			continue
		}
		notes = append(notes, fmt.Sprintf("Beside %s: p99.9 of frames, spinning, is %s times that of the loop in the same round.", beside(p.X), ratio(over)))
	}
	return notes
}
