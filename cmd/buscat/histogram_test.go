package main

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestRowsOfAHistogram against the sorted values; its quantiles have their test in internal/bench.
func TestRowsOfAHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Int64Range(0, 200), rapid.Int64Range(0, 1e6), rapid.Int64Range(0, math.MaxInt64))
		all := rapid.SliceOfN(value, 1, 200).Draw(t, "values")
		var whole, merged histogram
		for _, v := range all {
			var one histogram
			one.add(v)
			whole.add(v)
			merged.merge(&one)
		}
		if whole != merged {
			t.Fatal("merged it is another one")
		}
		slices.Sort(all)
		n := uint64(0)
		for _, r := range whole.drawn() {
			at, _ := slices.BinarySearch(all, r.From)
			end, _ := slices.BinarySearch(all, r.To)
			if r.To == math.MaxInt64 {
				end = len(all)
			}
			if uint64(end-at) != r.Count {
				t.Fatalf("%d values from %d to %d: %v", r.Count, r.From, r.To, all)
			}
			n += r.Count
		}
		if n != uint64(len(all)) {
			t.Fatalf("%d of %d are drawn", n, len(all))
		}
	})
}

func TestAHistogramIsDrawn(t *testing.T) {
	var h histogram
	for v, n := range map[int64]int{1500: 80, 2000: 40, 4999: 40, 20000: 1, 700e9: 1} {
		for range n {
			h.add(v)
		}
	}
	var b bytes.Buffer
	h.draw(&b)
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for i, want := range map[int]string{
		0: "   1µs - 2µs    80  49.4% " + strings.Repeat("█", 40),
		1: "   2µs - 5µs    80  49.4% " + strings.Repeat("█", 40),
		2: "   5µs - 10µs    0   0.0% ",
		4: "  20µs - 50µs    1   0.6% ▌",
	} {
		if lines[i] != want {
			t.Errorf("line %d: %q, want %q", i, lines[i], want)
		}
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, " 8m20s - more    1   0.6% ▌") || !utf8.ValidString(b.String()) {
		t.Errorf("the last line: %q", last)
	}
	h = histogram{}
	if h.draw(&b); h.quantile(0.5) != 0 || len(h.drawn()) != 0 {
		t.Errorf("nothing: %d, %v", h.quantile(0.5), h.drawn())
	}
}

func TestNumbersForPeople(t *testing.T) {
	for ns, want := range map[float64]string{
		0: "0s", 1: "1ns", 999: "999ns", 1234: "1.23µs", 12345: "12.3µs", 123456: "123µs", 1234567: "1.23ms", 999999: "1ms", 1.5e9: "1.5s", 61e9: "1m1s",
	} {
		if got := nice(ns); got != want {
			t.Errorf("%v ns: %s, want %s", ns, got, want)
		}
	}
	for n, want := range map[float64]string{0: "0.0", 0.123456: "0.123", 9.99: "9.99", 30: "30.0", 1234.5: "1234", 1e7: "10000000"} {
		if got := each(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
}
