package topics

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The model is the history of claims in order. Everything the ring answers can be computed from it.

type entryState int

const (
	entryOpen entryState = iota
	entryCommitted
	entryAborted
)

// A modelEntry is one frame, one padding or one aborted claim.
type modelEntry struct {
	pos, span           uint64
	state               entryState
	publisher, sequence uint64
	length              int
	padding             *modelEntry // before it
	run, runEnd         uint64      // of the run that it is one of; 0, 0: of none
}

func (e *modelEntry) end() uint64 { return e.pos + e.span }

// sums counts what happened over a whole test. What never happened was not tested.
type sums map[string]int

func (s sums) report(t *testing.T, wanted ...string) {
	t.Helper()
	for _, k := range slices.Sorted(maps.Keys(s)) {
		t.Logf("%8d %s", s[k], k)
	}
	for _, k := range wanted {
		if s[k] == 0 {
			t.Errorf("%s never happened: the test shows nothing about it", k)
		}
	}
}

// rounds plays so many rounds, and up to fifty more until all that is wanted has happened, and reports: what is rare need not come in a
// few rounds, but it must come.
func (s sums) rounds(t *testing.T, n int, play func(), wanted ...string) {
	t.Helper()
	rare := func(k string) bool { return s[k] == 0 }
	for i := 0; i < n || i < n+50 && !t.Failed() && slices.ContainsFunc(wanted, rare); i++ {
		play()
	}
	s.report(t, wanted...)
}

// A sim runs a ring and its model side by side.
type sim struct {
	t       *rapid.T
	w, r    *Ring // two views of one region
	n       uint64
	history []*modelEntry
	tail    uint64
	seq     map[uint64]uint64 // frames committed, by publisher
	lines   map[uint64]int    // line, by publisher
	holders map[int]int       // publishers so far, by line
	writers []*simWriter
	readers []*simReader
	removed bool
	sums    sums
	scratch []byte
}

type simWriter struct {
	w    *Writer
	open *modelEntry
}

// span is the model's own idea of how many slots n bytes take.
func (s *sim) span(n int) uint64 {
	cell := s.w.geometry.CellSize
	return uint64(max(1, (n+cell-1)/cell))
}

// place is where a frame of span slots goes, and what padding comes before it.
func (s *sim) place(at, span uint64) (pos, pad uint64) {
	if left := s.n - at%s.n; left < span {
		return at + left, left
	}
	return at, 0
}

func (s *sim) add(e *modelEntry) { s.history = append(s.history, e) }

// addFrame puts a frame into the history, padding before it if need be.
func (s *sim) addFrame(span uint64) *modelEntry {
	pos, pad := s.place(s.tail, span)
	e := &modelEntry{pos: pos, span: span}
	if pad > 0 {
		e.padding = &modelEntry{pos: s.tail, span: pad}
		s.add(e.padding)
		s.sums["padding"]++
	}
	s.add(e)
	if pos/s.n != s.tail/s.n || (pos+span)/s.n != pos/s.n {
		s.sums["wrap"]++
	}
	s.tail = pos + span
	return e
}

// finish ends an open frame and the padding before it.
func (s *sim) finish(e *modelEntry, st entryState) {
	if e.padding != nil {
		e.padding.state = entryAborted
	}
	e.state = st
}

// commit counts a frame.
func (s *sim) commit(e *modelEntry, publisher uint64, length int) {
	s.seq[publisher]++
	e.publisher, e.sequence, e.length = publisher, s.seq[publisher], length
	s.finish(e, entryCommitted)
}

// lowest is the lowest cursor of a gate, and its line.
func (s *sim) lowest() (limit uint64, line int) {
	limit, line = 1<<63, -1
	for _, r := range s.readers {
		if r.mode == Gate && (r.cursor < limit || r.cursor == limit && r.rd.Line() < line) {
			limit, line = r.cursor, r.rd.Line()
		}
	}
	return limit, line
}

// wantClaim is what a claim of k slots must answer, apart from turns.
func (s *sim) wantClaim(k uint64) error {
	if s.removed {
		return ErrRemoved
	}
	head, _ := s.w.Head()
	if s.tail+k <= head+s.n {
		return nil
	}
	need := s.tail + k - s.n
	limit, _ := s.lowest()
	for _, e := range s.history {
		pos, end := e.pos, e.end()
		if e.runEnd != 0 { // the head moves over all of a run or over nothing of it
			pos, end = e.run, e.runEnd
		}
		switch {
		case end <= head:
		case pos >= need:
			return nil
		case pos >= limit:
			return ErrHeldByGate
		case e.state == entryOpen:
			return ErrHeldBySlot
		case end > limit:
			return ErrHeldByGate
		}
	}
	return nil
}

// checkRing compares what the ring shows with the model.
func (s *sim) checkRing() {
	if got := s.w.Tail(); got != s.tail && !s.removed {
		s.t.Fatalf("tail is %d, want %d", got, s.tail)
	}
	head, removed := s.w.Head()
	if removed != s.removed {
		s.t.Fatalf("removed is %v, want %v", removed, s.removed)
	}
	limit, _ := s.lowest()
	if !removed && (head > s.tail || s.tail-head > s.n || head > limit) {
		s.t.Fatalf("head %d, tail %d, lowest gate %d: out of order", head, s.tail, limit)
	}
	for _, e := range s.history {
		if !removed && e.state == entryOpen && e.pos < head {
			s.t.Fatalf("the head %d has passed an open claim at %d", head, e.pos)
		}
	}
	frames, _ := s.r.Totals()
	want := uint64(0)
	for _, n := range s.seq {
		want += n
	}
	if frames != want {
		s.t.Fatalf("%d frames in total, want %d", frames, want)
	}
}

// describe is the history as text, for a failure.
func (s *sim) describe() string {
	var b []byte
	for _, e := range s.history {
		b = fmt.Appendf(b, "%d+%d %d p%d#%d\n", e.pos, e.span, e.state, e.publisher, e.sequence)
	}
	return string(b)
}
