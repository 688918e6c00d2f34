package segment

import (
	"errors"
	"os"
	"testing"
)

// see is what a window shows of a region's first byte.
func see(t *testing.T, w *Window, off, size int64) byte {
	t.Helper()
	b, err := w.Region(off, size)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != size || cap(b) != len(b) {
		t.Fatalf("%d bytes of %d, with %d behind them", len(b), size, cap(b)-len(b))
	}
	return b[0]
}

func TestAWindowShowsAllRegionsAlsoThoseThatComeLater(t *testing.T) {
	s, off := region(t, 2)
	had := len(ranges.all)
	w := s.Window()
	defer w.Close()
	put := func(off int64, v byte) {
		t.Helper()
		m, err := s.Map(off, 4096, 4096)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		m.Bytes()[0] = v
	}
	put(off, 7)
	if v := see(t, w, off, 8192); v != 7 {
		t.Errorf("it shows %d", v)
	}
	if v := see(t, w, off+4096, 4096); v != 0 {
		t.Errorf("of the second page it shows %d", v)
	}
	mapped := w.m
	put(off, 8)
	if v := see(t, w, off, 4096); v != 8 || w.m != mapped {
		t.Errorf("it shows %d; it was mapped again: %v", v, w.m != mapped)
	}
	more, err := s.Grow(3*4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	put(more, 9)
	if v := see(t, w, more, 3*4096); v != 9 {
		t.Errorf("of what came later it shows %d", v)
	}
	if v := see(t, w, off, 4096); v != 8 {
		t.Errorf("of what was there before it shows %d", v)
	}
	if at, faulted := faults(w.bytes(), 0); !faulted {
		t.Errorf("it can be written to, at %#x", at)
	}
	if n := len(ranges.all); n != had+1 {
		t.Errorf("%d mappings, %d before", n, had)
	}
}

func TestAWindowShowsNothingThatIsNoRegion(t *testing.T) {
	s, off := region(t, 2)
	w := s.Window()
	defer w.Close()
	for _, r := range []struct{ off, size int64 }{
		{0, 4096},
		{off - 4096, 4096},
		{off, 3 * 4096},
		{off + 8192, 4096},
		{off + 1, 4096},
		{off, 4095},
		{off, 0},
		{off, -4096},
		{-4096, 8192},
		{1 << 62, 1 << 62},
		{off, 1<<63 - 4096},
	} {
		if _, err := w.Region(r.off, r.size); !errors.Is(err, ErrRange) {
			t.Errorf("%d bytes at %d: %v", r.size, r.off, err)
		}
	}
}

func TestAWindowOfAFileThatWasCutShortSaysSo(t *testing.T) {
	s, off := region(t, 2)
	more, err := s.Grow(2*4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, late := s.Window(), s.Window()
	defer w.Close()
	defer late.Close()
	see(t, w, more, 8192)
	if err := os.Truncate(s.Path(), more+4096); err != nil {
		t.Fatal(err)
	}
	if size, err := w.Renew(); err != nil || size != more+4096 {
		t.Errorf("%d bytes, %v", size, err)
	}
	for name, w := range map[string]*Window{"one that was mapped before": w, "one that was not": late} {
		see(t, w, off, 8192)
		if _, err := w.Region(more, 8192); !errors.Is(err, ErrTruncated) {
			t.Errorf("%s: what is gone in part: %v", name, err)
		}
		see(t, w, more, 4096)
	}
	if err := os.Truncate(s.Path(), more); err != nil { // and nobody looks
		t.Fatal(err)
	}
	if err := Guard(func() error { see(t, w, more, 4096); return nil }); !errors.Is(err, ErrTruncated) {
		t.Errorf("what has gone since: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Region(off, 4096); !errors.Is(err, os.ErrClosed) {
		t.Errorf("of a closed segment: %v", err)
	}
}
