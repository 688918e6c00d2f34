package report

import (
	"fmt"

	"shmbus/internal/bench"
)

// Cliffs: from one place of a curve to the next something costs much more. Each note says what the figures beside it show of the reason. Where they show none,
// and the code does not either, it says so.

// A step is from one place of a curve to the next that was measured.
type step struct{ a, b *Point }

func (g *Growth) steps(curve string) (all []step) {
	points := g.curve(curve)
	for i := 1; i < len(points); i++ {
		all = append(all, step{points[i-1], points[i]})
	}
	return all
}

// step is that between two places, or nil.
func (g *Growth) step(curve string, a, b float64) *step {
	s := step{g.Point(curve, a), g.Point(curve, b)}
	if s.a == nil || s.b == nil || s.times("ns") == 0 {
		return nil
	}
	return &s
}

// from and to are a figure at both ends, times how many times as much it becomes, or 0.
func (s step) from(key string) float64 { return s.a.Each(key).Median() }
func (s step) to(key string) float64   { return s.b.Each(key).Median() }
func (s step) times(key string) float64 {
	if s.from(key) <= 0 || s.to(key) <= 0 {
		return 0
	}
	return s.to(key) / s.from(key)
}

// text is both ends.
func (s step) text(key string, show func(float64) string) string {
	return show(s.from(key)) + " to " + show(s.to(key))
}

// inMode are a figure's turns with cores that were near, or far.
func (p *Point) inMode(near bool, key string) (s bench.Series) {
	for _, t := range p.Turns {
		if v, ok := t.Figures[key]; ok && t.Bare.Near() == near {
			s = append(s, v)
		}
	}
	return s
}

// blockedCliff: the last goroutine comes much later, and that is not work.
func blockedCliff(s step) (notes []string) {
	rise, work := s.to("last")-s.from("last"), s.to("cpu")-s.from("cpu")
	if s.from("last") <= 0 || s.times("last") < 3 || work > rise/2 {
		return nil
	}
	return []string{fmt.Sprintf("From %.0f to %.0f on one topic the last one goes from %s, and the processor time of a frame only from %s: it is mostly not work, but waiting.",
		s.a.X, s.b.X, s.text("last", Duration), s.text("cpu", Duration))}
}

// topicsCliff: two goroutines lose more than the memory of many topics explains.
func topicsCliff(g *Growth) (notes []string) {
	two, one, bare := g.step("two goroutines", 100, 1000), g.step("one goroutine", 100, 1000), g.step("one goroutine, no bus", 100, 1000)
	if two == nil || one == nil || bare == nil {
		return nil
	}
	if most := max(one.times("ns"), bare.times("ns")); two.times("ns") > 1.5*most {
		notes = append(notes, fmt.Sprintf("From 100 topics to 1000 two goroutines go from %s, %s times as long; one goroutine takes %s times, the rings without a bus %s. That much is memory; what the rest is is not known.",
			two.text("ns", Duration), digits(two.times("ns")), digits(one.times("ns")), digits(bare.times("ns"))))
	}
	return notes
}

// The largest frames that are put into runs, and how many share a descriptor there: docs/PROTOCOL.md, "Runs".
const (
	runBytes  = 128
	runFrames = 32
)

// callsCliff: what one call takes rises where frames are in no runs any more.
func callsCliff(g *Growth) (notes []string) {
	for _, name := range []string{PublishCurve, ReceiveCurve} {
		if s := g.step(name, 64, 256); s != nil && s.times("ns") > 2 {
			notes = append(notes, fmt.Sprintf("%s: from 64 to 256 bytes from %s. Frames of up to %d bytes are put into runs, with one descriptor for up to %d of them (docs/PROTOCOL.md, \"Runs\"); "+
				"larger ones take more slots than one of the default size, and have a descriptor, a claim and a look each.", name, s.text("ns", Duration), runBytes, runFrames))
		}
	}
	return notes
}

func framesCliffs(g *Growth) (notes []string) {
	const name, place = "shmbus spin", "shmbus spin, in place"
	if s := g.step(name, 64, 512); s != nil && s.times("ns") > 3 {
		said := fmt.Sprintf("From 64 to 512 bytes %s goes from %s, %s times as long: nine lines go across for a frame instead of one and a bit. Frames of up to %d bytes have one descriptor "+
			"for up to %d (docs/PROTOCOL.md, \"Runs\"), larger ones one each.", name, s.text("ns", Duration), digits(s.times("ns")), runBytes, runFrames)
		if p := g.step(place, 64, 512); p != nil && p.times("ns") < s.times("ns")/2 {
			said += fmt.Sprintf(" Frames filled in place are in no runs, and go from %s.", p.text("ns", Duration))
		}
		notes = append(notes, said)
	}
	if s := g.step(name, 8, 64); s != nil && s.times("ns") < .8 {
		said := fmt.Sprintf("With 8 bytes %s takes longer than with 64, %s and %s", name, shown(s.a.Each("ns"), Duration), shown(s.b.Each("ns"), Duration))
		if p := g.step(place, 8, 64); p != nil && p.times("ns") > 1 {
			said += fmt.Sprintf("; in place it is the other way round, %s and %s", Duration(p.from("ns")), Duration(p.to("ns")))
		}
		notes = append(notes, said+". Each is a pair of processes of its own, and why two of these differ is not known (docs/bench/HISTORY.md has what was looked at).")
	}
	return notes
}

// lossyShares: lossy subscribers share what one CPU can read, and get more where the turn is over before.
func lossyShares(g *Growth) (notes []string) {
	var shares, more bench.Series
	from := 0.0
	for _, p := range g.curve("lossy") {
		switch share := p.Each("received").Median(); {
		case share == 0:
		case len(shares) > 0 && share*p.X > 3*shares.Most(): // more than they could read while anything was published
			more = append(more, share)
		default:
			shares, from = append(shares, share*p.X), p.X
		}
	}
	if len(shares) > 1 && shares.Most() < 3*shares.Least() {
		notes = append(notes, fmt.Sprintf("A lossy subscriber receives the fewer frames the more there are: all of them together %s of what is published, as they share one CPU.", between(shares, percent)))
	}
	if len(more) > 0 {
		notes = append(notes, fmt.Sprintf("That each of more than %.0f receives more, %s, is not theirs: their turns have fewer frames, and what is left in the ring when the last one is published is read by all.",
			from, between(more, percent)))
	}
	return notes
}

// losslessCliffs: each subscriber costs more than with half of them.
func losslessCliffs(g *Growth) (notes []string) {
	for _, s := range g.steps("lossless") {
		if a, b := s.from("ns")/s.a.X, s.to("ns")/s.b.X; s.a.X >= 16 && a > 0 && b > 1.2*a {
			lo, hi := Quartiles(s.b.Each("ns"))
			notes = append(notes, fmt.Sprintf("From %.0f lossless subscribers to %.0f it is %s for each instead of %s (quartiles %s and %s): why is not known.",
				s.a.X, s.b.X, Duration(b), Duration(a), Duration(lo/s.b.X), Duration(hi/s.b.X)))
		}
	}
	return notes
}

func ringsCliffs(g *Growth) (notes []string) {
	const to, alone, bare = "to another process", "nobody receives", "the same stores, no bus"
	if s, a := g.step(to, 64<<10, 1<<20), g.step(alone, 64<<10, 1<<20); s != nil && a != nil && s.times("ns") < .7 && a.times("ns") > .8 {
		notes = append(notes, fmt.Sprintf("In a ring of 64 KiB a frame to another process takes %s, in one of 1 MiB %s; with nobody there %s and %s. So it comes with the reader; why is not known.",
			Duration(s.from("ns")), Duration(s.to("ns")), Duration(a.from("ns")), Duration(a.to("ns"))))
	}
	s, a, b := g.step(to, 256<<20, 1<<30), g.step(alone, 256<<20, 1<<30), g.step(bare, 256<<20, 1<<30)
	if s == nil || a == nil || b == nil || s.times("ns") < 2 {
		return notes
	}
	said := fmt.Sprintf("From 256 MiB to 1 GiB a frame takes %s times as long to another process and %s with nobody there; the same stores without a bus take %s times",
		digits(s.times("ns")), digits(a.times("ns")), digits(b.times("ns")))
	if b.times("ns") > 2 {
		said += ": it is the memory, not the bus"
	}
	said += "."
	for _, near := range []bool{true, false} {
		from, to := s.a.inMode(near, "ns"), s.b.inMode(near, "ns")
		if len(from) > 0 && len(to) > 0 && len(from) < len(s.a.Turns) {
			said += fmt.Sprintf(" Between %s cores it goes from %s to %s.", map[bool]string{true: "near", false: "far"}[near], Duration(from.Median()), Duration(to.Median()))
		}
	}
	return append(notes, said)
}
