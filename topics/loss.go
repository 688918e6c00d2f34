package topics

import (
	"cmp"
	"slices"

	"shmbus/internal/mem"
)

// loss counts missed frames exactly. Each writer line numbers its frames, across its owners; next[line] is the number of the first
// frame of that line that was neither received nor counted as lost.
type loss struct {
	next  []uint64
	last  []uint64 // publisher of the line's frame before next, as far as known
	loose bool     // the base was taken line by line
	total uint64
	by    map[uint64]uint64
}

func (l *loss) init(lines int) {
	l.next = make([]uint64, lines)
	l.last = make([]uint64, lines)
	l.by = make(map[uint64]uint64)
}

// got takes a received frame into account. Numbers from a hostile descriptor can make the count wrong, nothing else.
func (l *loss) got(f *Frame) {
	line, number := int(f.line()), f.number.Get()
	if line >= len(l.next) {
		return
	}
	if next := l.next[line]; number > next {
		l.gap(f, line, number-next)
	}
	l.next[line] = number + 1
	l.last[line] = f.Publisher()
}

// gap counts the frames that were missed between the last one of the line and f: those of f's own publisher before f, the others of the line's
// publisher before it.
func (l *loss) gap(f *Frame, line int, missed uint64) {
	l.total += missed
	own := min(missed, f.Sequence()-1)
	if own > 0 {
		l.by[f.Publisher()] += own
	}
	if missed > own {
		l.by[l.last[line]] += missed - own
	}
}

// A mark is how far a writer's line had come, and whose it was.
type mark struct{ frames, last, publisher uint64 }

// mark is how far the line has come. frames is loaded before last, so that last is at least as new.
func (w *writerLine) mark() mark {
	frames := w.frames.Load()
	return mark{frames, w.last.Load(), w.publisher.Load()}
}

// settle counts what was lost on lines from which no further frame has come.
func (l *loss) settle(r *Ring, pos uint64) {
	for i := range l.next {
		l.end(i, r.writers[i].mark(), pos)
	}
}

// end counts what was lost at the end of a line that had come as far as m, for a reader at pos: if the line's last frame lies before pos, all its
// frames were received or lost.
func (l *loss) end(line int, m mark, pos uint64) {
	if m.frames <= l.next[line] || m.last >= pos {
		return
	}
	missed := m.frames - l.next[line]
	l.total += missed
	l.by[m.publisher] += missed
	l.next[line], l.last[line] = m.frames, m.publisher
}

// Marks are how far the writers' lines had come, and whether the topic had been removed.
type Marks struct {
	lines   []mark
	removed bool
}

// Marks is for SettleAt of a reader whose memory is taken away. The head is loaded before the lines: whoever finds the topic removed finds all that was
// counted before that.
func (r *Ring) Marks() *Marks {
	m := &Marks{lines: make([]mark, len(r.writers))}
	_, m.removed = r.Head()
	for i := range m.lines {
		m.lines[i] = r.writers[i].mark()
	}
	return m
}

// SettleAt counts what Lost would have when the marks were taken. It looks at nothing shared.
func (r *Reader) SettleAt(m *Marks) {
	if r.kind == kindGate || r.shared != nil {
		return
	}
	for i, l := range m.lines[:min(len(m.lines), len(r.loss.next))] {
		r.loss.end(i, l, r.done(m.removed))
	}
}

// A lastOf is where the last one of a line's frames lies, and how many these are.
type lastOf struct {
	pos, frames uint64
	line        int
}

// start takes the base for a reader that starts at pos, where a frame begins: for each line, the number of its first frame at or after pos.
// It reports false when the ring moved on too fast to tell; the caller tries again with a later position.
//
// A line whose last frame lies before pos starts at its count. For the others, the frames from pos on are walked until the first
// of each has been seen. Open claims are stepped over by the length their line announces: if such a claim's frame is committed
// later, its number is not below the count that was loaded before. A line whose last frame is said to lie where it does not, above the tail or at
// another one's, starts at its count as well.
func (l *loss) start(r *Ring, pos uint64) bool {
	var sought []lastOf // the others
	first := r.runStart(pos)
	const unknown = 1<<64 - 1
	for i := range l.next {
		w := &r.writers[i]
		l.last[i] = w.publisher.Load()
		l.next[i] = w.frames.Load()
		switch last := w.last.Load(); {
		case l.next[i] == 0:
		case last < first:
			l.next[i] = r.countBefore(pos, last, l.next[i])
		case last < r.control.tail.Load():
			sought = append(sought, lastOf{last, l.next[i], i})
			l.next[i] = unknown
		}
	}
	slices.SortFunc(sought, func(a, b lastOf) int { return cmp.Compare(a.pos, b.pos) })
	n, tail := r.mask+1, r.control.tail.Load()
	claims := r.openClaims()
	all, pending := sought, len(sought)
	for p, steps := first, uint64(0); pending > 0 && p < tail; steps++ {
		if steps > 2*n {
			return false
		}
		d := r.at(p)
		st := d.stamp.Load()
		span, ok := resolved(st, p, r.mask)
		line := d.meta.Get() >> 32 & (1<<16 - 1)
		number := d.number.Get()
		if !ok || st&3 == aborted {
			// Described and not stamped yet, or never: the line says so.
			for len(sought) > 0 && sought[0].pos < p {
				sought = sought[1:]
			}
			for ; len(sought) > 0 && sought[0].pos == p; sought = sought[1:] {
				i := sought[0].line
				w := &r.writers[i]
				if l.next[i] != unknown || w.last.Load() != p {
					continue
				}
				number := d.number.Get()
				if ok {
					number = w.frames.Load() // it died; numbers go on from here
				}
				if w.last.Load() == p {
					l.next[i] = number
					pending--
				}
			}
		}
		if !ok {
			end, held := claims.at(p)
			if st != d.stamp.Load() {
				continue // finished meanwhile
			}
			if !held {
				return false // it may have become part of a run that has grown: the next look sees that
			}
			p = end
			continue
		}
		if st&3 != aborted && line < uint64(len(l.next)) && l.next[line] == unknown {
			l.next[line] = number + max(p, pos) - p
			pending--
		}
		p += span
	}
	for _, s := range all {
		if l.next[s.line] != unknown {
			continue
		}
		if r.writers[s.line].last.Load() != s.pos {
			return false // it goes on, and so its frame may have been there: the next look sees that
		}
		l.next[s.line] = s.frames
	}
	var fence mem.Fence
	fence.LoadLoad() // what was read from the descriptors was read before the head is found not to have passed them
	return r.control.head.Load()&positionMask <= pos
}

// startLoose takes the base line by line while the ring moves on: what is committed on a line after this look at it, and not received, is
// lost. The reader then starts at the newest frame.
func (l *loss) startLoose(r *Ring) {
	l.loose = true
	for i := range l.next {
		w := &r.writers[i]
		l.last[i] = w.publisher.Load()
		l.next[i] = w.frames.Load()
	}
}
