package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"shmbus/internal/bench"
)

// checkSVG checks that a picture is XML, that it is an SVG with something in it, and that all its numbers are numbers.
func checkSVG(t *testing.T, picture []byte) {
	t.Helper()
	shapes, texts := 0, 0
	for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, picture)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if e.Name.Space != "http://www.w3.org/2000/svg" {
			t.Fatalf("%v is of no SVG", e.Name)
		}
		switch e.Name.Local {
		case "rect", "line":
			shapes++
		case "text":
			texts++
		}
		for _, a := range e.Attr {
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") || e.Name.Local == "rect" && strings.HasPrefix(a.Value, "-") {
				t.Errorf("%s has %s=%q", e.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
	if shapes < 8 || texts < 5 {
		t.Errorf("%d shapes and %d texts: %s", shapes, texts, picture)
	}
}

// madeUp is a result of so many turns with these round trips.
func madeUp(mode string, turns int, trips ...uint64) *bench.Result {
	r := &bench.Result{Spec: bench.Spec{Mode: mode, Size: 64, Batch: 1, Wait: bench.Spin}}
	r.Spec.Publishers, r.Spec.Subscribers = 1, 1
	for i := range turns {
		h := new(bench.Histogram)
		for _, v := range trips {
			h.Record(v)
		}
		r.Turns = append(r.Turns, bench.Turn{Line: 180, Ring: 290, Stream: 36 + float64(i), Outcome: bench.Outcome{
			Took: 100 * time.Millisecond, Published: 1e6, Received: 1e6, Hist: h,
		}})
	}
	return r
}

func TestPicturesAndTablesOfOddResults(t *testing.T) {
	for _, r := range []*bench.Result{
		madeUp(bench.ThroughputMode, 1), madeUp(bench.ThroughputMode, 11), madeUp(bench.ThroughputMode, 200),
		madeUp(bench.LatencyMode, 1, 600), madeUp(bench.LatencyMode, 1, 0), madeUp(bench.LatencyMode, 11, 600, 610, 700, 5e9),
		madeUp(bench.LatencyMode, 3, 0, 1, 2, 1e12),
	} {
		checkSVG(t, benchSVG(r))
		text := string(benchText(r))
		if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || !strings.Contains(text, "█") {
			t.Error(text)
		}
		if verdict := !strings.Contains(text, "no verdict"); verdict != (len(r.Turns) >= verdictTurns) {
			t.Error(text)
		}
	}
}

func TestTheDistributionHasAllOfIt(t *testing.T) {
	var trips []uint64
	for i := range uint64(10000) {
		trips = append(trips, 400+i%700)
	}
	h := madeUp(bench.LatencyMode, 1, trips...).All()
	sum := 0.0
	for _, s := range distribution(h, 20, .999) {
		sum += s.part
		if s.lo < 199 || s.hi > 560 {
			t.Errorf("a part from %v to %v", s.lo, s.hi)
		}
	}
	if sum < .99 || sum > 1.0001 {
		t.Errorf("all parts together are %v", sum)
	}
}
