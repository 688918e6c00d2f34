package topics

import (
	"pgregory.net/rapid"
)

// A simReader is a reader and what the model says it has read.
type simReader struct {
	rd     *Reader
	mode   Mode
	first  uint64 // where it started
	pos    uint64 // of the next frame
	cursor uint64 // of a gate
	laps   int
	got    uint64
	seqs   map[uint64]uint64 // newest sequence read, by publisher
	gotBy  map[uint64]uint64
	buf    []byte
	held   []heldFrame // borrowed and not released, in order
}

type heldFrame struct {
	f Frame
	b []byte
}

// wantStart is where a start must begin.
func (s *sim) wantStart(k Start) uint64 {
	head, _ := s.r.Head()
	var there []*modelEntry // finished, from the head on
	stop := s.tail
	newest := s.tail
	for _, e := range s.history {
		if e.end() <= head {
			continue
		}
		if e.state == entryOpen {
			stop = min(stop, e.pos)
			newest = min(newest, e.pos)
			break
		}
		there = append(there, e)
	}
	switch k.kind {
	case startNewest:
		return newest
	case startOldest:
		return head
	case startFirst:
		return 0
	case startPosition:
		for _, e := range there {
			if e.pos >= k.n {
				return e.pos
			}
		}
		return stop
	}
	frames := uint64(0)
	for i := len(there) - 1; i >= 0 && k.n > 0; i-- {
		if there[i].state == entryCommitted {
			if frames++; frames == k.n {
				return there[i].pos
			}
		}
	}
	if k.n == 0 {
		return stop
	}
	return head
}

func (s *sim) join() {
	mode := Mode(rapid.IntRange(0, 2).Draw(s.t, "mode"))
	var k Start
	switch rapid.IntRange(0, 4).Draw(s.t, "start") {
	case 0:
		k = Oldest()
	case 1:
		k = AtPosition(uint64(rapid.IntRange(0, int(s.tail)+2).Draw(s.t, "position")))
	case 2:
		k = Last(rapid.IntRange(0, int(s.n)).Draw(s.t, "last"))
	case 3:
		k = First()
	}
	used := 0
	for _, r := range s.readers {
		if r.mode != Tap {
			used++
		}
	}
	want := s.wantStart(k)
	rd, err := s.r.NewReader(mode, k, 9)
	switch {
	case mode == Gate && s.w.geometry.Policy != PolicyLossless:
		s.want(err, ErrPolicy, "joining")
		return
	case s.removed:
		s.want(err, ErrRemoved, "joining")
		return
	case mode != Tap && used == s.w.geometry.Subscriptions:
		s.want(err, ErrNoLine, "joining")
		return
	}
	s.want(err, nil, "joining")
	if head, _ := s.r.Head(); mode == Gate && want < head {
		want = head
	}
	// Last may start with holes before its first frame, which are none of its frames.
	if p := rd.Position(); p != want && (k.kind != startLast || s.between(p, want) != 0 || s.between(want, p) != 0) {
		s.t.Fatalf("mode %d start %+v: begins at %d, want %d\n%s", mode, k, rd.Position(), want, s.describe())
	}
	p := rd.Position()
	missed := 0
	if k.kind == startFirst {
		missed = s.between(0, p)
	}
	if got := rd.Lost(); mode == Gate && got != uint64(missed) {
		s.t.Fatalf("a gate that starts at %d with %+v has lost %d, want %d\n%s", p, k, got, missed, s.describe())
	}
	s.readers = append(s.readers, &simReader{
		rd: rd, mode: mode, first: p, pos: p, cursor: p,
		seqs: make(map[uint64]uint64), gotBy: make(map[uint64]uint64),
	})
	s.sums["join"]++
}

// between is how many frames were committed in [from, to).
func (s *sim) between(from, to uint64) (n int) {
	for _, e := range s.history {
		if e.pos >= from && e.pos < to && e.state == entryCommitted {
			n++
		}
	}
	return n
}

// wantNext is the frame that a reader at pos reads next, nil for none.
func (s *sim) wantNext(pos uint64) *modelEntry {
	for _, e := range s.history {
		if e.pos < pos || e.state == entryAborted {
			continue
		}
		if e.state == entryOpen {
			return nil
		}
		return e
	}
	return nil
}

// newestFrame is where a reader goes that was lapped too often: the last frame that was committed, if it is there.
func (s *sim) newestFrame(head uint64) uint64 {
	pos := head
	for _, e := range s.history {
		if e.state == entryCommitted && e.pos > pos {
			pos = e.pos
		}
	}
	return pos
}

func (s *sim) read(r *simReader) {
	var f Frame
	var b []byte
	var err error
	head, _ := s.r.Head()
	lapped := r.mode != Gate && !s.removed && head > r.pos
	often := r.rd.laps >= 3
	if r.mode == Gate {
		b, err = r.rd.Borrow(&f)
	} else {
		if lapped {
			r.pos = head
			r.laps++
			s.sums["lap"]++
		}
		b, err = r.rd.Copy(&f, r.buf)
		r.buf = b
		if s.removed {
			s.want(err, ErrRemoved, "copying after removal")
			return
		}
	}
	if to := s.newestFrame(head); lapped && often && err == nil && f.Position == to { // a reader that is led on by holes has not been lapped
		r.pos = to
		s.sums["jump to the newest frame"]++
	}
	want := s.wantNext(r.pos)
	if want == nil {
		if s.removed && r.mode == Gate {
			s.want(err, ErrRemoved, "borrowing after removal")
		} else {
			s.want(err, ErrEmpty, "reading")
		}
		return
	}
	s.want(err, nil, "reading")
	r.laps = 0
	if f.Position != want.pos || f.Publisher() != want.publisher || f.Sequence() != want.sequence || f.Length() != want.length || len(b) != want.length || f.Span != want.span {
		s.t.Fatalf("read %+v, want %+v", f, *want)
	}
	if err := intact(b, f.Publisher(), f.Sequence(), &s.scratch); err != nil {
		s.t.Fatal(err)
	}
	if f.Sequence() <= r.seqs[f.Publisher()] {
		s.t.Fatalf("sequence %d of publisher %d after %d", f.Sequence(), f.Publisher(), r.seqs[f.Publisher()])
	}
	r.seqs[f.Publisher()] = f.Sequence()
	r.gotBy[f.Publisher()]++
	r.got++
	r.pos = want.end()
	if r.mode == Gate {
		r.held = append(r.held, heldFrame{f, b})
		s.sums["borrow"]++
		return
	}
	s.sums["copy"]++
	if rapid.Bool().Draw(s.t, "idle") {
		r.rd.Idle()
	}
}

// release gives one of the borrowed frames back, in any order, and stores the cursor as a caller would.
func (s *sim) release(r *simReader) {
	if len(r.held) > 0 {
		i := rapid.IntRange(0, len(r.held)-1).Draw(s.t, "which")
		h := r.held[i]
		if err := intact(h.b, h.f.Publisher(), h.f.Sequence(), &s.scratch); err != nil {
			s.t.Fatalf("a borrowed frame changed: %v", err)
		}
		r.held = append(r.held[:i], r.held[i+1:]...)
		if i > 0 {
			s.sums["release out of order"]++
		}
	}
	oldest := r.rd.Position()
	if len(r.held) > 0 {
		oldest = r.held[0].f.Position
	}
	if rapid.Bool().Draw(s.t, "store") {
		stored := r.rd.Store(oldest)
		if stored != (r.cursor != oldest) {
			s.t.Fatalf("Store(%d) says %v, the cursor was %d", oldest, stored, r.cursor)
		}
		r.cursor = oldest
	} else if r.rd.Release(oldest) {
		r.cursor = oldest
	} else if oldest-r.cursor >= max(1, s.n/8) {
		s.t.Fatalf("Release(%d) left the cursor at %d", oldest, r.cursor)
	}
	if st := s.w.gates[r.rd.Line()].state.Load(); st != r.cursor<<2|kindGate {
		s.t.Fatalf("the gate's state is %#x, want cursor %d", st, r.cursor)
	}
}

func (s *sim) leave(i int) {
	r := s.readers[i]
	r.rd.Close()
	r.rd.Close()
	s.readers = append(s.readers[:i], s.readers[i+1:]...)
	s.sums["leave"]++
}

// drain reads to the end.
func (s *sim) drain(r *simReader) {
	for {
		before := r.got
		s.read(r)
		for len(r.held) > 0 {
			s.release(r)
		}
		if r.got == before {
			return
		}
	}
}
