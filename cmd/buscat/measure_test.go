//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"shmbus/bus"
)

// lastLine is the last JSON line in text.
func lastLine[T any](t *testing.T, text []byte) (v T) {
	t.Helper()
	lines := bytes.Split(bytes.TrimSpace(text), []byte{'\n'})
	if err := json.Unmarshal(lines[len(lines)-1], &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

// TestHzMeasuresAPacedPublisher against the times of the frames that a tap saw.
func TestHzMeasuresAPacedPublisher(t *testing.T) {
	b := openBus(t)
	hz := command(t, b.Dir(), "hz", "--json", "-n", "200", "t")
	var out bytes.Buffer
	hz.Stdout = &out
	hz.start()
	hz.says("waiting for topic")
	pub := command(t, b.Dir(), "pub", "--rate", "1000", "t")
	pub.Stdin = strings.NewReader(strings.Repeat("line\n", 200))
	pub.start()
	hz.ends(0)
	pub.ends(0)
	s, err := b.Subscribe(t.Context(), "t", bus.ReadOnly(), bus.FromOldest())
	if err != nil {
		t.Fatal(err)
	}
	var want series
	var before, first int64
	for range 200 {
		f, err := s.TryReceive()
		if err != nil || f == nil {
			t.Fatal(f, err)
		}
		at := f.Time().UnixNano()
		if before != 0 {
			want.add(float64(at - before))
		} else {
			first = at
		}
		before = at
		f.Release()
	}
	got := lastLine[hzJSON](t, out.Bytes())
	rate := 199 / float64(before-first) * 1e9
	if !got.Final || got.Frames != 200 || got.Gaps != 199 || got.Lost != 0 || got.GapMin != int64(want.min) || got.GapMax != int64(want.max) ||
		!near(got.GapMean, want.mean) || math.Abs(got.GapDeviation-want.deviation()) > 1 || !near(got.Rate, rate) {
		t.Errorf("%+v; want %v/s, %+v, deviation %v", got, rate, want, want.deviation())
	}
}

// TestNothingIsMissingInTheCount: a million frames, faster than a tap reads, in a ring of 64 slots.
func TestNothingIsMissingInTheCount(t *testing.T) {
	const n = 1000000
	var text bytes.Buffer
	for i := range n {
		fmt.Fprintln(&text, i)
	}
	b := openBus(t)
	hz := command(t, b.Dir(), "hz", "--json", "-n", fmt.Sprint(n), "t")
	bw := command(t, b.Dir(), "bw", "--json", "--interval", "10ms", "t")
	var hzOut bytes.Buffer
	var bwOut lockedBuffer
	hz.Stdout, bw.Stdout = &hzOut, &bwOut
	for _, p := range []*process{hz, bw} {
		p.start()
		p.says("waiting for topic")
	}
	pub := command(t, b.Dir(), "pub", "--slots", "64", "t")
	pub.Stdin = bytes.NewReader(text.Bytes())
	pub.start()
	pub.ends(0)
	hz.ends(0)
	seen := regexp.MustCompile(`"size_min":[1-9]`)
	eventually(t, "bw has seen a frame", func() bool { return seen.MatchString(bwOut.String()) })
	_ = bw.Process.Signal(os.Interrupt)
	if _ = bw.Wait(); !bw.ProcessState.Exited() {
		t.Errorf("bw did not end by itself: %v", bw.ProcessState)
	}
	h, w := lastLine[hzJSON](t, hzOut.Bytes()), lastLine[bwJSON](t, []byte(bwOut.String()))
	size := uint64(text.Len() - n)
	if h.Frames != n || w.Frames != n || w.Bytes != size || w.SizeMin < 1 || w.SizeMax > 6 {
		t.Errorf("hz: %+v; bw: %+v, want %d bytes", h, w, size)
	}
	if !near(w.SizeMean, float64(size)/n) || !near(w.BytesPerSecond*w.Elapsed, float64(size)) {
		t.Errorf("bw: %+v", w)
	}
	t.Logf("hz lost %d and counted %d, bw lost %d", h.Lost, h.Frames, w.Lost)
}
