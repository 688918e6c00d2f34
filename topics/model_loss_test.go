package topics

// checkLoss compares what a copying reader that has read everything counts with what was committed. Where several publishers have
// held one line, only the line's sum is certain.
func (s *sim) checkLoss(r *simReader) {
	total := uint64(0)
	byLine, lostLine := make(map[int]uint64), make(map[int]uint64)
	by := make(map[uint64]uint64)
	for _, e := range s.history {
		if e.state == entryCommitted && e.pos >= r.first {
			total++
			by[e.publisher]++
			byLine[s.lines[e.publisher]]++
		}
	}
	for p, n := range r.gotBy {
		by[p] -= n
		byLine[s.lines[p]] -= n
	}
	if lost := r.rd.Lost(); lost != total-r.got || r.rd.Received() != r.got {
		s.t.Fatalf("start %d: got %d and lost %d of %d\n%s", r.first, r.got, lost, total, s.describe())
	}
	unknown := false // a line had changed hands before the reader joined
	r.rd.Lost()
	r.rd.CountedBy(func(p, n uint64) {
		if p == 0 {
			unknown = true
			return
		}
		lostLine[s.lines[p]] += n
		if s.holders[s.lines[p]] == 1 && n != by[p] {
			s.t.Fatalf("lost %d of publisher %d, want %d", n, p, by[p])
		}
		if s.holders[s.lines[p]] == 1 {
			delete(by, p)
		}
	})
	for p, n := range by {
		if s.holders[s.lines[p]] == 1 && n != 0 {
			s.t.Fatalf("lost none of publisher %d, want %d", p, n)
		}
	}
	for line, n := range byLine {
		if lostLine[line] != n && !unknown {
			s.t.Fatalf("lost %d on line %d, want %d", lostLine[line], line, n)
		}
	}
	if total > r.got {
		s.sums["loss counted"]++
	}
}
