package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// texts are the texts of a picture, and what they take.
func texts(t *testing.T, svg []byte) (all []string, areas []area) {
	t.Helper()
	var at map[string]string
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all, areas
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			at = nil
			if e.Name.Local == "text" {
				at = make(map[string]string)
			}
			for _, a := range e.Attr {
				if at != nil {
					at[a.Name.Local] = a.Value
				}
			}
		case xml.EndElement:
			at = nil
		case xml.CharData:
			if at == nil {
				continue
			}
			x, err1 := strconv.ParseFloat(at["x"], 64)
			y, err2 := strconv.ParseFloat(at["y"], 64)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			all, areas = append(all, string(e)), append(areas, textArea(x, y, at["text-anchor"], string(e)))
		}
	}
}

// TestLabelsKeepOutOfEachOthersWay: of points that are almost at one place, of ticks, and of the names of curves.
func TestLabelsKeepOutOfEachOthersWay(t *testing.T) {
	g := Growth{Name: GrowthWaiting, Rounds: 1}
	for curve, points := range map[string][][3]float64{ // gap, p50, CPU
		"spin":     {{1e3, 140, .98}, {1e4, 185, .98}, {1e5, 170, .98}, {1e6, 170, .98}, {1e7, 170, .98}},
		"adaptive": {{1e3, 150, .97}, {1e4, 26_000, .028}, {1e5, 38_000, .014}},
		"block":    {{1e3, 1000, .9}, {1e4, 24_000, .0195}, {1e5, 24_500, .0192}},
	} {
		for _, p := range points {
			g.Points = append(g.Points, Point{Curve: curve, X: p[0], Turns: []Turn{{Figures: map[string]float64{"p50": p[1], "cpu": p[2]}}}})
		}
	}
	all, areas := texts(t, g.svg(new(Session)))
	for i := range areas {
		for j := range areas[:i] {
			if areas[i].meets(areas[j]) {
				t.Errorf("%q at %.0f and %q at %.0f are one above the other", all[i], areas[i], all[j], areas[j])
			}
		}
	}
	head := slices.IndexFunc(all, func(s string) bool { return strings.HasPrefix(s, "part of a CPU; beside the points of block: gap") })
	if got := all[head+1 : len(all)-1]; head < 0 || !slices.Equal(got, []string{Duration(1e3), Duration(1e4), Duration(1e5)}) {
		t.Errorf("gaps %q at the points of block", got)
	}
}
