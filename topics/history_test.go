package topics

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestEveryHistoryDoesWhatTheModelSays runs random histories of one to four writers and one to four readers, single-threaded, and
// compares every answer with the model's.
func TestEveryHistoryDoesWhatTheModelSays(t *testing.T) {
	overBoth(t, func(t *testing.T, m memory) {
		dir := t.TempDir()
		all := make(sums)
		rounds := often(1, 20)
		if m.name == "heap" {
			rounds *= 3
		}
		play := func() { rapid.Check(t, func(rt *rapid.T) { history(rt, m, dir, all) }) }
		all.rounds(t, rounds, play, "wrap", "padding", "lap", "join", "leave", "held by slot", "held by gate", "held by turn", "abort",
			"batch of several", "put", "writer closed", "line used again", "closed with an open claim", "release out of order",
			"removal", "loss counted", "copy", "borrow")
	})
}

func history(t *rapid.T, m memory, dir string, all sums) {
	g := Geometry{
		Slots:         1 << rapid.IntRange(1, 6).Draw(t, "log slots"),
		CellSize:      64 << rapid.IntRange(0, 1).Draw(t, "log cell"),
		Policy:        Policy(rapid.IntRange(0, 3).Draw(t, "policy") & 1),
		Publishers:    rapid.IntRange(1, 12).Draw(t, "publishers"),
		Subscriptions: rapid.IntRange(1, 4).Draw(t, "subscriptions"),
	}
	w, r, free, err := m.rings(dir, g)
	if err != nil {
		t.Fatal(err)
	}
	defer free()
	s := &sim{
		t: t, w: w, r: r, n: uint64(g.Slots), sums: all,
		seq: make(map[uint64]uint64), lines: make(map[uint64]int), holders: make(map[int]int),
	}
	s.openWriter()
	for range rapid.IntRange(100, 600).Draw(t, "steps") {
		s.step()
		s.checkRing()
	}
	s.end()
}

// percent draws each number below 100 as often as the others; IntRange would prefer small ones.
var percent = rapid.SampledFrom(slices.Collect(func(yield func(int) bool) {
	for i := 0; i < 100 && yield(i); i++ {
	}
}))

// step does one thing that somebody might do.
func (s *sim) step() {
	t := s.t
	do := percent.Draw(t, "do")
	var sw *simWriter
	if len(s.writers) > 0 {
		sw = s.writers[rapid.IntRange(0, len(s.writers)-1).Draw(t, "writer")]
	}
	var sr *simReader
	if len(s.readers) > 0 {
		sr = s.readers[rapid.IntRange(0, len(s.readers)-1).Draw(t, "reader")]
	}
	switch {
	case do < 4:
		if len(s.writers) < 4 {
			s.openWriter()
		}
	case do < 6:
		if sw != nil {
			s.closeWriter(rapid.IntRange(0, len(s.writers)-1).Draw(t, "closing"))
		}
	case do < 14:
		if len(s.readers) < 4 {
			s.join()
		}
	case do < 16:
		if sr != nil {
			s.leave(rapid.IntRange(0, len(s.readers)-1).Draw(t, "leaving"))
		}
	case do < 50:
		switch {
		case sw == nil:
		case sw.open == nil:
			s.claim(sw)
			if sw.open != nil && do < 38 {
				s.commitOpen(sw)
			}
		case do < 20:
			s.abortOpen(sw)
		default:
			s.commitOpen(sw)
		}
	case do < 58:
		switch {
		case sw == nil || sw.open != nil:
		case do < 54:
			s.put(sw)
		default:
			s.batch(sw)
		}
	case do < 84:
		if sr != nil {
			s.read(sr)
		}
	case do < 97:
		if sr != nil && sr.mode == Gate {
			s.release(sr)
		}
	case do < 99:
		if sr != nil && sr.mode != Gate && !s.removed && s.allFinished() {
			s.drain(sr)
			s.checkLoss(sr)
		}
	default:
		if !s.removed && rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
			if s.w.Unused() || !s.w.Remove() || s.r.Remove() {
				t.Fatal("a topic is removed once")
			}
			s.removed = true
			s.sums["removal"]++
		}
	}
}

func (s *sim) allFinished() bool {
	for _, w := range s.writers {
		if w.open != nil {
			return false
		}
	}
	return true
}

// end closes the writers, lets everybody read to the end, and counts.
func (s *sim) end() {
	for len(s.writers) > 0 {
		s.closeWriter(0)
	}
	for _, r := range s.readers {
		s.drain(r)
		if r.mode != Gate && !s.removed {
			s.checkLoss(r)
		}
		if r.mode == Gate {
			if n := s.between(r.first, s.tail); uint64(n) != r.got || r.rd.Received() != r.got {
				s.t.Fatalf("a lossless reader got %d frames of %d", r.got, n)
			}
		}
	}
	for len(s.readers) > 0 {
		s.leave(0)
	}
	if s.removed != s.w.Unused() {
		s.t.Fatalf("removed %v, unused %v", s.removed, s.w.Unused())
	}
}
