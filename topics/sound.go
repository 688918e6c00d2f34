package topics

import "fmt"

// What no correct participant leaves behind. It is looked for where it costs nothing or where somebody is held up: a slot that looks
// unfinished and is not would be taken for a dead publisher's, and what was in it would be gone without a word.

// finished says whether there is a frame or a hole at pos.
func (r *Ring) finished(pos uint64) bool {
	_, ok := resolved(r.at(pos).stamp.Load(), pos, r.mask)
	return ok
}

// begins says whether a frame or a run begins at pos. A hole may lie within a frame: a reaper has marked it that took an old announcement for a claim.
func (r *Ring) begins(pos uint64) bool {
	st := r.at(pos).stamp.Load()
	_, ok := resolved(st, pos, r.mask)
	return ok && st&3 != aborted
}

// inFrame says whether pos lies in a finished frame, hole or run.
func (r *Ring) inFrame(pos uint64) bool {
	_, st, _ := r.around(pos)
	return st != 0
}

// plausible says whether a slot may hold stamp st while nothing above pos has been claimed in it: none yet, or that of an earlier lap, or
// that of pos.
func plausible(st, pos, mask uint64) bool {
	return st == 0 || possible(st, pos, mask) && st>>2&^mask <= pos&^mask
}

// Sound is an ErrCorrupt if the slot of pos, which holds somebody up, has a stamp that no writer stores there, or lies within a frame that is no
// run. What is looked at is loaded before the head: a head not above pos says that it is not of a later lap.
func (r *Ring) Sound(pos uint64) error {
	start, what, _ := r.around(pos)
	st := r.at(pos).stamp.Load()
	switch {
	case r.control.head.Load()&positionMask > pos:
		return nil
	case start != pos && what&3 != committedRun:
		return corrupt(fmt.Sprintf("the stamp of position %d, within whose frame somebody reads,", start), what)
	case plausible(st, pos, r.mask):
		return nil
	}
	return corrupt(fmt.Sprintf("the stamp of position %d", pos), st)
}

// Sound is an ErrCorrupt, or ErrKicked, if this reader will never read on: its line is no longer its own, or it is held up by a slot that is not sound.
func (r *Reader) Sound() error {
	if err := r.Keeps(); err != nil {
		return err
	}
	r.follow()
	return r.ring.Sound(r.pos)
}

// Keeps is an ErrCorrupt, or ErrKicked, if the line is no longer the reader's own, or no longer holds the head back: what is borrowed may be
// overwritten.
func (r *Reader) Keeps() error {
	if r.line == nil {
		return nil
	}
	if !r.mine() {
		return r.disowned()
	}
	return r.barred()
}

// bars says whether a line holds the head back.
func (l *gateLine) bars() bool {
	kind := l.state.Load() & kindMask
	return kind == kindGate || kind == kindGroup || l.pin.Load() != 0
}

// ousted is the error of a writer whose line is no longer its own: two would announce their claims in it.
func (w *Writer) ousted() error {
	return corrupt("a publisher's line, whose owner", w.line.owner.Load())
}

// lapsed gives up an open claim whose line is no longer the writer's: it was marked aborted, and the slots may hold others' frames.
func (w *Writer) lapsed() error {
	w.claimed = 0
	return w.ousted()
}

// astray takes a claim back that lies over a frame: the tail has gone back. The next claim looks again.
func (w *Writer) astray(t uint64) error {
	w.closeClaim()
	w.next, w.alone = 0, t
	return corrupt("the tail, below a frame,", t)
}

// Mislaid is ErrNoTopic, or an ErrCorrupt if the table has a live topic of that name that Find does not find because its hash is damaged:
// whoever made it again would part its users from each other.
func (t *Table) Mislaid(name string) error {
	if len(name) > MaxName {
		return ErrNoTopic
	}
	words := nameWords(name)
	for i := range t.entries {
		p := &t.entries[i]
		if p.state.Load()&3 != entryLive || p.length.Get() != uint64(len(name)) || !p.spells(&words, len(name)) {
			continue
		}
		if e, _, err := t.read(i); err != nil && e.Name == name {
			return err
		}
	}
	return ErrNoTopic
}

// spells says whether the entry's name, of n bytes, is the one with these words. What lies behind it does not count.
func (p *entry) spells(words *[MaxName / 8]uint64, n int) bool {
	for j := (n+7)/8 - 1; j >= 0; j-- { // names that differ mostly do at their ends
		differ := p.name[j].Get() ^ words[j]
		if rest := n - 8*j; rest < 8 {
			differ &= 1<<(8*rest) - 1
		}
		if differ != 0 {
			return false
		}
	}
	return true
}

// Within is an ErrCorrupt if a topic's region, live or removed, does not lie below end: then what is appended there would lie over it.
func (t *Table) Within(end int64) error {
	for i := range t.entries {
		p := &t.entries[i]
		off, size := int64(p.offset.Get()), int64(p.size.Get())
		if off > end-size && t.hasRegion(i) {
			return fmt.Errorf("%w place %d: the region of %d bytes at %d does not lie below the regions' end at %d", ErrTable, i, size, off, end)
		}
	}
	return nil
}

// hasRegion says whether a region belongs to the entry at a place. What makes no sense has none.
func (t *Table) hasRegion(i int) bool {
	switch t.entries[i].state.Load() & 3 {
	case entryLive:
		_, live, err := t.read(i)
		return live && err == nil
	case entryRemoved:
		return true
	}
	return false
}
