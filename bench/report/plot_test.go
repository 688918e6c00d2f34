package report

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

// simple is a series whose points have one turn, with all these figures.
func simple(name string, curves []string, places []float64, figures map[string]float64) *Growth {
	g := &Growth{Name: name, Date: "that day", Rounds: 7}
	for _, c := range curves {
		for _, x := range places {
			g.Points = append(g.Points, Point{Curve: c, X: x, Turns: []Turn{{Figures: figures}}})
		}
	}
	return g
}

func TestPlacesFarApartStandAtTheirDistances(t *testing.T) {
	at := along([]float64{1, 8, 9, 64, 1000}, 100, 400)
	if a, b := at(9)-at(8), at(64)-at(9); a <= 0 || b < 10*a {
		t.Errorf("from 8 to 9 are %.1f, from 9 to 64 %.1f", a, b)
	}
	if at(1) != 100 || math.Abs(at(1000)-400) > 1e-9 {
		t.Errorf("the ends are at %.1f and %.1f", at(1), at(1000))
	}
	for _, places := range [][]float64{{0, 1, 2}, {1, 2, 16}} { // what is no size, and what is not far apart
		at := along(places, 100, 400)
		if got := []float64{at(places[0]), at(places[1]), at(places[2])}; !slices.Equal(got, []float64{100, 250, 400}) {
			t.Errorf("%v are at %v", places, got)
		}
	}
}

func TestEachPlaceHasATickAndItsName(t *testing.T) {
	g := simple(GrowthBlocked, []string{"all on one topic"}, []float64{1, 8, 9, 10, 64, 256, 1000}, map[string]float64{"p50": 100})
	all, areas := texts(t, g.svg(new(Session)))
	for _, want := range []string{"1", "8", "9", "10", "64", "256", "1000"} {
		if !slices.Contains(all, want) {
			t.Errorf("no %s in %q", want, all)
		}
	}
	for i := range areas {
		for j := range areas[:i] {
			if areas[i].meets(areas[j]) {
				t.Errorf("%q and %q are one above the other", all[i], all[j])
			}
		}
	}
}

func TestAnAxisHasEnoughTicks(t *testing.T) {
	for _, span := range [][2]float64{{320e3, 7e6}, {300e3, 900e3}, {10, 2000}, {1, 1e6}} {
		all := axis{span[0], span[1], 0, 100}.ticks(ticksUp)
		if len(all) < 3 || len(all) > 12 || all[0] < span[0] || all[len(all)-1] > span[1]*1.001 || !slices.IsSorted(all) {
			t.Errorf("from %v to %v: %v", span[0], span[1], all)
		}
	}
}

func TestMarksAreDrawnWhereTheirColumnIs(t *testing.T) {
	const dashed = `stroke-dasharray="6 4"`
	for _, c := range []struct {
		g    *Growth
		want []string
	}{
		{simple(GrowthAttach, []string{"a new process"}, []float64{1, 1000}, map[string]float64{"attach": 5e5}), []string{"mark: 5.00 ms"}},
		{simple(GrowthCalls, []string{PublishCurve, ReceiveCurve}, []float64{8, 64, 1024}, map[string]float64{"ns": 15}), []string{"mark: 20.0 ns", "mark: 10.0 ns"}},
		{simple(GrowthCalls, []string{PublishCurve, ReceiveCurve}, []float64{8, 1024}, map[string]float64{"ns": 15}), nil}, // it is for 64 bytes
		{simple(GrowthAttach, []string{"a new process"}, []float64{1, 1000}, map[string]float64{"subscribe": 5e5}), nil},
	} {
		svg := c.g.svg(new(Session))
		all, _ := texts(t, svg)
		var got []string
		for _, s := range all {
			if strings.HasPrefix(s, "mark") {
				got = append(got, s)
			}
		}
		if !slices.Equal(got, c.want) || bytes.Count(svg, []byte(dashed)) != len(c.want) {
			t.Errorf("%s has %q, want %q, in\n%s", c.g.Name, got, c.want, svg)
		}
	}
}

func TestWhatIsReceivedAndBurntHavePanels(t *testing.T) {
	g := simple(GrowthSubscribers, []string{"lossless", "lossy"}, []float64{1, 64}, map[string]float64{"publisher": 15, "received": .1})
	if all, _ := texts(t, g.svg(new(Session))); !slices.Contains(all, "received") || !slices.Contains(all, "10.0 %") {
		t.Errorf("%q", all)
	}
	g = simple(GrowthWaiting, []string{"spin", "futex, no bus"}, []float64{1e3, 1e8}, map[string]float64{"p50": 15, "cpu": .1})
	svg := g.svg(new(Session))
	if all, _ := texts(t, svg); !slices.Contains(all, "part of a CPU") || !slices.Contains(all, "p50 against part of a CPU") {
		t.Errorf("%q", all)
	}
	if n := bytes.Count(svg, []byte(`fill="#fff" stroke=`)); n != 7 { // two points in three panels, and the name
		t.Errorf("%d hollow points for what is no bus", n)
	}
}

func TestNamesOfCurvesHaveRoom(t *testing.T) {
	names := []string{strings.Repeat("a", 50), strings.Repeat("b", 50), strings.Repeat("c", 50)}
	all := legend(names)
	if len(all) != 2 || len(all[0]) != 2 || all[1][0].x != all[0][0].x || all[1][0].y <= all[0][0].y || all[1][0].i != 2 {
		t.Errorf("%+v", all)
	}
}

func TestEachPlotSaysWhenAndWhere(t *testing.T) {
	own := &Session{Date: "today", Rounds: 11, Machine: map[string]string{"processor": "Quick", "CPUs": "2"}}
	g := simple(GrowthTail, []string{"spin"}, []float64{0, 1}, map[string]float64{"p999": 1})
	if all, _ := texts(t, g.svg(own)); !slices.Contains(all, "that day, 7 rounds, Quick, 2 CPUs") {
		t.Errorf("%q", all)
	}
	g.Earlier = &Session{Machine: map[string]string{"processor": "Slow"}}
	if all, _ := texts(t, g.svg(own)); !slices.Contains(all, "that day, 7 rounds, Slow") {
		t.Errorf("one that was kept: %q", all)
	}
	r := full()
	r.Session = *own
	again := r.Tables[0]
	again.Cell.Size = 1024
	r.Tables = append(r.Tables, again)
	grp := r.groups()[0]
	if all, _ := texts(t, grp.svg(&r.Session)); !slices.Contains(all, "today, 11 rounds, Quick, 2 CPUs") {
		t.Errorf("one session: %q", all)
	}
	grp.tables[0].Earlier = &Session{Date: "yesterday", Rounds: 33, Machine: map[string]string{"processor": "Slow"}}
	first := SizeName(grp.tables[0].Cell.Size) + " bytes: yesterday, 33 rounds, Slow"
	if all, _ := texts(t, grp.svg(&r.Session)); !slices.Contains(all, first) || !strings.HasSuffix(all[len(all)-1], " bytes: today, 11 rounds, Quick, 2 CPUs") {
		t.Errorf("two sessions: no %q in %q", first, all)
	}
}

func TestFarRoundsAreShownWhereThereAreSome(t *testing.T) {
	near, far := Bare{Line: 50}, Bare{Line: 200}
	for _, c := range []struct {
		second Bare
		want   bool
	}{{near, false}, {far, true}} {
		table := Table{Cell: Cell{Mode: Throughput, Size: 1024, Pubs: 1, Subs: 1}, Lines: []Line{
			{Name: "shmbus spin", Ours: true, Runs: []Run{{NS: 20, Bare: near}, {NS: 60, Bare: c.second}}},
			{Name: "FIFO", Runs: []Run{{NS: 200, Bare: near}, {NS: 600, Bare: near}}},
		}}
		all, _ := texts(t, (&group{tables: []*Table{&table}}).svg(new(Session)))
		if got := slices.Contains(all, "far rounds") && slices.Contains(all, "1 of 2") && slices.Contains(all, "0 of 2"); got != c.want {
			t.Errorf("cores near, then %v: %q", c.second, all)
		}
	}
}
