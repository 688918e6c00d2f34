package topics

import (
	"errors"

	"pgregory.net/rapid"
)

func (s *sim) openWriter() {
	w, err := s.w.NewWriter(7)
	switch {
	case s.removed:
		s.want(err, ErrRemoved, "opening a writer")
	case len(s.writers) == s.w.geometry.Publishers:
		s.want(err, ErrNoLine, "opening a writer")
	default:
		s.want(err, nil, "opening a writer")
		if s.lines[w.ID()] != 0 {
			s.t.Fatalf("publisher %d was there before", w.ID())
		}
		s.lines[w.ID()] = w.Line()
		s.holders[w.Line()]++
		s.writers = append(s.writers, &simWriter{w: w})
		s.sums["writer opened"]++
		if s.holders[w.Line()] > 1 {
			s.sums["line used again"]++
		}
	}
}

func (s *sim) closeWriter(i int) {
	sw := s.writers[i]
	if sw.open != nil {
		s.finish(sw.open, entryAborted)
		s.sums["closed with an open claim"]++
	}
	sw.w.Close()
	s.writers = append(s.writers[:i], s.writers[i+1:]...)
	s.sums["writer closed"]++
}

// size draws a frame's size: small ones, whole cells, and anything up to the largest.
func (s *sim) size() int {
	most := s.w.geometry.MaxFrame()
	switch rapid.IntRange(0, 9).Draw(s.t, "size class") {
	case 0:
		return rapid.IntRange(0, most).Draw(s.t, "size")
	case 1:
		return most
	case 2:
		return min(most, s.w.geometry.CellSize*rapid.IntRange(1, 4).Draw(s.t, "cells"))
	case 3:
		return 0
	}
	return min(most, rapid.IntRange(0, 2*s.w.geometry.CellSize).Draw(s.t, "small size"))
}

func (s *sim) want(err, want error, what string) {
	if !errors.Is(err, want) {
		s.t.Fatalf("%s: error is %v, want %v\n%s", what, err, want, s.describe())
	}
}

// blocked checks why a claim of k slots was refused, and says whether it was.
func (s *sim) blocked(sw *simWriter, k uint64, err error) bool {
	if errors.Is(err, ErrHeldByTurn) {
		turn := s.w.control.turn.Load()
		if turn == 0 || turn == sw.w.index+1 {
			s.t.Fatalf("held by the turn of line %d", turn)
		}
		s.sums["held by turn"]++
		return true
	}
	want := s.wantClaim(k)
	s.want(err, want, "a claim")
	switch want {
	case ErrHeldByGate:
		if sw.w.Ready() {
			s.t.Fatal("held by a gate, and ready")
		}
		s.sums["held by gate"]++
	case ErrHeldBySlot:
		s.sums["held by slot"]++
	}
	return want != nil
}

func (s *sim) claim(sw *simWriter) {
	n := s.size()
	if rapid.IntRange(0, 30).Draw(s.t, "too large") == 0 {
		s.want(sw.w.Claim(s.w.geometry.MaxFrame()+1), ErrTooLarge, "a claim of more than half the ring")
		return
	}
	if rapid.IntRange(0, 10).Draw(s.t, "take turn") == 0 {
		sw.w.TakeTurn()
	}
	span := s.span(n)
	_, pad := s.place(s.tail, span)
	err := sw.w.Claim(n)
	if s.removed {
		s.want(err, ErrRemoved, "a claim after removal")
		s.tail = s.w.Tail()
		return
	}
	if s.blocked(sw, pad+span, err) {
		return
	}
	sw.w.PassTurn()
	sw.open = s.addFrame(span)
	sw.open.length = n
	if sw.w.pos != sw.open.pos {
		s.t.Fatalf("claimed %d, want %d", sw.w.pos, sw.open.pos)
	}
}

func (s *sim) commitOpen(sw *simWriter) {
	e := sw.open
	n := rapid.IntRange(e.length/2, e.length).Draw(s.t, "committed length")
	fill(sw.w.Payload(n), sw.w.ID(), s.seq[sw.w.ID()]+1)
	sw.w.Commit(n, KindRaw, int64(e.pos)+1)
	s.commit(e, sw.w.ID(), n)
	sw.open = nil
	s.sums["commit"]++
}

func (s *sim) abortOpen(sw *simWriter) {
	sw.w.Abort()
	s.finish(sw.open, entryAborted)
	sw.open = nil
	s.sums["abort"]++
}

// put publishes a frame in one step.
func (s *sim) put(sw *simWriter) {
	id, n := sw.w.ID(), s.size()
	p := make([]byte, n)
	fill(p, id, s.seq[id]+1)
	span := s.span(n)
	_, pad := s.place(s.tail, span)
	err := put(sw.w, p, 5)
	if s.removed {
		s.want(err, ErrRemoved, "putting after removal")
		s.tail = s.w.Tail()
		return
	}
	if s.blocked(sw, pad+span, err) {
		return
	}
	s.commit(s.addFrame(span), id, n)
	s.sums["put"]++
}

func (s *sim) batch(sw *simWriter) {
	id := sw.w.ID()
	var ps [][]byte
	for i := range rapid.IntRange(1, 6).Draw(s.t, "batch") {
		p := make([]byte, s.size())
		fill(p, id, s.seq[id]+uint64(i)+1)
		ps = append(ps, p)
	}
	_, pad := s.place(s.tail, s.span(len(ps[0])))
	n, err := sw.w.Batch(ps, KindRaw, 5)
	if s.removed {
		s.want(err, ErrRemoved, "a batch after removal")
		s.tail = s.w.Tail()
		return
	}
	if s.blocked(sw, pad+s.span(len(ps[0])), err) {
		return
	}
	if n < 1 || n > len(ps) {
		s.t.Fatalf("%d frames of %d committed", n, len(ps))
	}
	var run []*modelEntry
	for _, p := range ps[:n] {
		e := s.addFrame(s.span(len(p)))
		s.commit(e, id, len(p))
		if len(run) > 0 && (len(p) != run[0].length || e.span > 1 || len(p) > 128 || e.pos%min(32, s.n/2) == 0) {
			run = nil
		}
		if run = append(run, e); len(run) > 1 {
			for _, r := range run {
				r.run, r.runEnd = run[0].pos, e.end()
			}
		}
	}
	if n > 1 {
		s.sums["batch of several"]++
	}
}
