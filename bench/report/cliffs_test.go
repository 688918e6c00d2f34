package report

import (
	"strings"
	"testing"
)

// A place is a point of a curve with one turn, for figures of one key.
type place struct {
	curve string
	x     float64
	value float64
}

func curvesOf(name, key string, all ...place) *Growth {
	g := &Growth{Name: name, Rounds: 1}
	for _, p := range all {
		g.Points = append(g.Points, Point{Curve: p.curve, X: p.x, Turns: []Turn{{Bare: Bare{Line: 50}, Figures: map[string]float64{key: p.value}}}})
	}
	return g
}

// says checks that a note begins with those words, or, if they are preceded by "not ", that none does.
func says(t *testing.T, g *Growth, words string) {
	t.Helper()
	words, no := strings.CutPrefix(words, "not ")
	all := kindOf(g.Name).remarks(g)
	if strings.Contains(strings.Join(all, "\n"), words) == no {
		t.Errorf("%s: notes with %q: %v, in %q", g.Name, words, no, all)
	}
}

func TestALastGoroutineThatComesLateWithoutWorkIsSaidToWait(t *testing.T) {
	for _, c := range []struct {
		from, to, last, cpu float64
		want                string
	}{
		{9, 64, 678e3, 329e3, "From 9 to 64 on one topic the last one goes from 80.0 µs to 678 µs, and the processor time of a frame only from 151 µs to 329 µs: it is mostly not work, but waiting."},
		{32, 64, 678e3, 329e3, "mostly not work, but waiting."},
		{9, 64, 678e3, 700e3, "not but waiting"},      // it is work
		{9, 64, 200e3, 160e3, "not but waiting"},      // it is no cliff
		{1, 8, 67e3, 130e3, "not the last one goes "}, // one has no last
	} {
		g := &Growth{Name: GrowthBlocked, Points: []Point{
			{Curve: "all on one topic", X: c.from, Turns: []Turn{{Figures: map[string]float64{"last": 80e3, "cpu": 151e3}}}},
			{Curve: "all on one topic", X: c.to, Turns: []Turn{{Figures: map[string]float64{"last": c.last, "cpu": c.cpu}}}},
		}}
		if c.from == 1 {
			delete(g.Points[0].Turns[0].Figures, "last")
		}
		says(t, g, c.want)
	}
}

func TestWhatTwoGoroutinesLoseMoreThanMemoryIsNotKnown(t *testing.T) {
	const two, one, bare = "two goroutines", "one goroutine", "one goroutine, no bus"
	of := func(last float64) *Growth {
		return curvesOf(GrowthTopics, "ns", place{two, 100, 88}, place{two, 1000, last}, place{one, 100, 183}, place{one, 1000, 348}, place{bare, 100, 16}, place{bare, 1000, 34})
	}
	says(t, of(426), "From 100 topics to 1000 two goroutines go from 88.0 ns to 426 ns, 4.84 times as long; one goroutine takes 1.90 times, the rings without a bus 2.12. That much is memory; what")
	says(t, of(200), "not two goroutines go") // as memory does
	says(t, curvesOf(GrowthTopics, "ns", place{two, 100, 88}, place{two, 1000, 426}), "not two goroutines go")
}

func TestWhatACallTakesOutsideOfRunsIsSaid(t *testing.T) {
	says(t, curvesOf(GrowthCalls, "ns", place{PublishCurve, 64, 6.3}, place{PublishCurve, 256, 28.6}), PublishCurve+": from 64 to 256 bytes from 6.30 ns to 28.6 ns.")
	says(t, curvesOf(GrowthCalls, "ns", place{ReceiveCurve, 64, 8}, place{ReceiveCurve, 256, 12}), "not from 64 to 256")
}

func TestWhereFramesAreInNoRunsAnymoreIsSaid(t *testing.T) {
	const name, in = "shmbus spin", "shmbus spin, in place"
	g := curvesOf(GrowthFrames, "ns", place{name, 8, 17.9}, place{name, 64, 11.8}, place{name, 512, 71}, place{in, 8, 28.1}, place{in, 64, 31.2}, place{in, 512, 45.1})
	says(t, g, "From 64 to 512 bytes shmbus spin goes from 11.8 ns to 71.0 ns, 6.02 times as long")
	says(t, g, "Frames filled in place are in no runs, and go from 31.2 ns to 45.1 ns.")
	says(t, g, "With 8 bytes shmbus spin takes longer than with 64, 17.9 ns and 11.8 ns; in place it is the other way round, 28.1 ns and 31.2 ns.")
	g = curvesOf(GrowthFrames, "ns", place{name, 8, 11}, place{name, 64, 11.8}, place{name, 512, 30})
	says(t, g, "not From 64")
	says(t, g, "not With 8")
}

func TestLossySubscribersShareACPU(t *testing.T) {
	of := func(at16, at32 float64) *Growth {
		return curvesOf(GrowthSubscribers, "received", place{"lossy", 1, .107}, place{"lossy", 8, .0148}, place{"lossy", 16, at16}, place{"lossy", 32, at32})
	}
	says(t, of(.0087, .0041), "all of them together 10.7 % to 13.9 % of what is published")
	says(t, of(.0087, .0067), "all of them together 10.7 % to 21.4 % of what is published") // what is left in the ring is a part of it, with many
	says(t, of(.0087, .0041), "not receives more")
	says(t, of(.0087, .143), "That each of more than 16 receives more, 14.3 %, is not theirs")
	says(t, of(.0087, .143), "all of them together 10.7 % to 13.9 % of") // of those before
	says(t, of(.002, .001), "not all of them together")                  // it is not the same
}

func TestALosslessSubscriberThatCostsMoreAmongManyIsNamed(t *testing.T) {
	g := curvesOf(GrowthSubscribers, "ns", place{"lossless", 1, 30}, place{"lossless", 2, 80}, place{"lossless", 16, 779}, place{"lossless", 32, 2090}, place{"lossless", 64, 4010})
	says(t, g, "From 16 lossless subscribers to 32 it is 65.3 ns for each instead of 48.7 ns (quartiles 65.3 ns and 65.3 ns): why is not known.")
	says(t, g, "not From 32 lossless")
	says(t, g, "not From 1 lossless")
}

func TestRingsAreComparedWithTheSameStoresAndByCores(t *testing.T) {
	const to, alone, bare = "to another process", "nobody receives", "the same stores, no bus"
	of := func(last float64) *Growth {
		return curvesOf(GrowthRings, "ns", place{to, 64 << 10, 40.8}, place{to, 1 << 20, 16}, place{alone, 64 << 10, 12.1}, place{alone, 1 << 20, 11},
			place{to, 256 << 20, 29.8}, place{to, 1 << 30, 128}, place{alone, 256 << 20, 11.5}, place{alone, 1 << 30, 32.3}, place{bare, 256 << 20, 4.84}, place{bare, 1 << 30, last})
	}
	g := of(16.7)
	says(t, g, "In a ring of 64 KiB a frame to another process takes 40.8 ns, in one of 1 MiB 16.0 ns; with nobody there 12.1 ns and 11.0 ns. So it comes with the reader; why is not known.")
	says(t, g, "takes 4.30 times as long to another process and 2.81 with nobody there; the same stores without a bus take 3.45 times: it is the memory, not the bus.")
	says(t, g, "not Between near") // there are no others
	says(t, of(5), "not it is the memory")
	for _, x := range []float64{256 << 20, 1 << 30} {
		p := g.Point(to, x)
		p.Turns = append(p.Turns, Turn{Round: 1, Bare: Bare{Line: 200}, Figures: map[string]float64{"ns": x / (1 << 20)}})
	}
	says(t, g, "Between near cores it goes from 29.8 ns to 128 ns. Between far cores it goes from 256 ns to 1.02 µs.")
}
