package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// grown is a result of series: two rounds for each point.
func grown() *Result {
	point := func(curve string, x float64, first, second map[string]float64) Point {
		return Point{Curve: curve, X: x, Turns: []Turn{{Round: 0, Bare: Bare{Line: 50}, Figures: first}, {Round: 1, Bare: Bare{Line: 200}, Figures: second}}}
	}
	one := func(key string, v float64) map[string]float64 { return map[string]float64{key: v} }
	memory := map[string]float64{"attach": 4e6, "subscription": 3 << 10, "publication": 5 << 10, "shared": 12 << 10, "make": 1e6}
	return &Result{Session: Session{Date: "today", Rounds: 2, RunTime: "1ms", Took: "1s"}, Growth: []Growth{
		{Name: GrowthAttach, Rounds: 2, Points: []Point{point("a new process", 1, memory, memory), point("a new process", 1000, memory, memory)}},
		{Name: GrowthBlocked, Rounds: 2, Points: []Point{
			point("all on one topic", 1, one("threads", 8), one("threads", 9)), point("all on one topic", 1000, one("threads", 12), one("threads", 20)),
			point(OwnTopicCurve, 8, one("p50", 110), one("p50", 440)),
			point(OwnFutexCurve, 8, map[string]float64{"p50": 100, "threads": 30}, map[string]float64{"p50": 360, "threads": 30}),
		}},
		{Name: GrowthTail, Rounds: 2, Points: []Point{
			point(loopName, 0, one("p999", 1000), one("p999", 4000)), point("spin", 0, one("p999", 1100), one("p999", 4400)),
			{Curve: "block", X: 0, Err: "torn"},
		}},
		{Name: GrowthWaiting, Rounds: 2, Points: []Point{
			point("spin", 1e3, map[string]float64{"p50": 200, "cpu": .9}, map[string]float64{"p50": 300, "cpu": .95}),
			point("spin", 1e6, map[string]float64{"p50": 900, "cpu": .9}, map[string]float64{"p50": 1100, "cpu": .95}),
		}},
	}}
}

func TestTheMarksOfSeriesAreJudged(t *testing.T) {
	got := make(map[string]bool)
	for _, v := range grown().Verdicts() {
		got[v.Name] = v.Met
	}
	want := map[string]bool{
		"coming to a bus with 1000 topics":                        true,
		"memory of an open topic beyond the ring, a subscription": true,  // 15 KiB
		"memory of an open topic beyond the ring, a publisher":    false, // 17 KiB
		"threads while up to 1000 goroutines wait":                false, // 20
		"p50, 8 goroutines, each on a topic of its own":           true,  // 1.1 and 1.22
		"p99.9 spinning, beside nothing":                          true,  // 1.1 in each round
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, v := range grown().Verdicts() { // what is no bus has more of them
		if strings.HasPrefix(v.Name, "threads") && v.Is != "20" {
			t.Errorf("%+v", v)
		}
	}
}

// TestThreeLongTurnsOfIdleProcessesAreAVerdict: half a minute is as much as ten turns of others; a few seconds are not.
func TestThreeLongTurnsOfIdleProcessesAreAVerdict(t *testing.T) {
	point := func(x, cpu, long float64, turns int) (p Point) {
		p = Point{Curve: IdleCurve, X: x}
		for i := range turns {
			p.Turns = append(p.Turns, Turn{Round: i, Figures: map[string]float64{"cpu": cpu, "long": long}})
		}
		return p
	}
	g := Growth{Name: GrowthIdle, Rounds: 3, Points: []Point{
		point(IdleSubscriber, .0009, 30e9, 3), point(IdleTap, .0011, 30.1e9, 3), point(IdleLossless, .0001, 5e9, 3), point(IdleBusd, .0001, 30e9, 2),
		point(IdleWaitSet, .1, 30e9, 3),
	}}
	var got [][]string
	for _, v := range (&Result{Growth: []Growth{g}}).Verdicts() {
		got = append(got, v.row()[1:])
	}
	want := [][]string{
		{"a blocked subscriber, waiting", "0.09 % of a CPU", "less than 0.10 %", "met"},
		{"buscat tap, waiting", "0.11 % of a CPU", "less than 0.10 %", "NOT MET"},
		{"buscat tap --lossless, waiting", "0.01 % of a CPU", "less than 0.10 %", "–"},
		{"busd, waiting", "0.01 % of a CPU", "less than 0.10 %", "–"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

func TestAPointThatFallsOutIsAnErrorAndIsNamed(t *testing.T) {
	r := grown()
	if err := r.Failed(); err == nil || !strings.Contains(err.Error(), "growth-tail: block at nothing: torn") {
		t.Errorf("%v", err)
	}
	if text := r.Text(); !strings.Contains(text, "Out after 0 rounds: block at nothing (torn).") {
		t.Errorf("it is not named in\n%s", text)
	}
}

func TestRatiosOfPointsAreTakenWithinARound(t *testing.T) {
	g := &grown().Growth[2]
	a, b := g.Point("spin", 0), g.Point(loopName, 0)
	b.Turns = b.Turns[1:] // of the first round there is none
	if s := a.over(b, "p999"); len(s.Series) != 1 || math.Abs(s.Series[0]-1.1) > 1e-9 {
		t.Errorf("%v", s)
	}
}

func TestSeriesStandBetweenTheMarkersWithAPlotEach(t *testing.T) {
	dir := t.TempDir()
	md := filepath.Join(dir, "B.md")
	if err := os.WriteFile(md, []byte(beginMark+"\n"+endMark+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := grown()
	if err := r.Publish(md, filepath.Join(dir, "bench")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(md)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"(bench/growth-waiting.svg)", "| spin | 1.00 ms | 92.5 % (90.0 %–95.0 %) | 1.00 µs (900 ns–1.10 µs) |", "15.0 KiB for a subscription or 17.0 KiB for a publisher", "less than 16.0 KiB | – |",
		"cores near in 2 of 4 turns",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, g := range r.Growth {
		b, err := os.ReadFile(filepath.Join(dir, "bench", g.Name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(bytes.NewReader(b)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", g.Name, err)
			}
		}
		if bytes.Contains(b, []byte("NaN")) || bytes.Contains(b, []byte("Inf")) {
			t.Errorf("%s has places that are nowhere:\n%s", g.Name, b)
		}
	}
}

func TestBareMemoryFallsOnlyWhereItIsMoreThanDrift(t *testing.T) {
	point := func(x, gbs float64) Point {
		return Point{Curve: MemoryName, X: x, Turns: []Turn{{Figures: map[string]float64{"gbs": gbs}}}}
	}
	for gbs, want := range map[float64]bool{13.04: false, 12: false, 11: true} {
		g := &Growth{Name: GrowthFrames, Points: []Point{point(256<<10, 13.05), point(16<<20, gbs)}}
		if said := kindOf(g.Name).remarks(g); (len(said) == 1) != want || want && !strings.Contains(said[0], "from 13.1 GB/s with frames of 256 KiB to 11.0 GB/s") {
			t.Errorf("from 13.05 to %v GB/s: %q", gbs, said)
		}
	}
}

func TestFramesAreComparedWithTheQuickerBareMemory(t *testing.T) {
	point := func(curve string, ns ...float64) (p Point) {
		p = Point{Curve: curve, X: 1 << 10}
		for i, v := range ns {
			p.Turns = append(p.Turns, Turn{Round: i, Figures: map[string]float64{"ns": v}})
		}
		return p
	}
	g := &Growth{Name: GrowthFrames, Points: []Point{point("shmbus spin", 100, 100, 100), point(MemoryName, 50, 200), point(TakenName, 200, 50, 50)}}
	if said := kindOf(g.Name).remarks(g); len(said) != 1 || !strings.HasPrefix(said[0], "shmbus spin takes 2.00 times") {
		t.Errorf("%q", said)
	}
	if g.Points[1].Turns[1].Figures["ns"] != 200 {
		t.Error("the bare memory's own figures have changed")
	}
}

func TestEveryKindIsWhole(t *testing.T) {
	for _, k := range kinds {
		found := false
		for _, c := range k.columns {
			found = found || c.key == k.plot
			if c.show == nil || c.head == "" {
				t.Errorf("%s: column %q is not whole", k.name, c.key)
			}
		}
		if !found || k.place == nil || k.text == "" || k.title == "" || k.x == "" {
			t.Errorf("%s is not whole", k.name)
		}
		if s := k.remarks(&Growth{Name: k.name}); len(s) > 0 {
			t.Errorf("%s says something about nothing: %q", k.name, s)
		}
	}
}
