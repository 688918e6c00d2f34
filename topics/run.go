package topics

import (
	"math/rand/v2"

	"shmbus/internal/mem"
)

// Runs: consecutive frames of a batch that take one slot each and have the same length lie under one stamp, with one descriptor. So each of them
// costs its writer and its readers one cache line instead of two. To whoever moves the head, joins, or reaps, a run is one frame of several slots; only
// who hands frames out takes it apart. A reader's position, a gate, and a group's cursor and pins may lie within a run.

// mostRun is how many slots a run has at most. None crosses a multiple of it: so where a position has no stamp of its own, its run is found
// by looking at the few before it.
const mostRun = 32

// block is how many slots lie between two positions that no run lies across. It is no more than half of the ring: the largest frame needs that.
func (r *Ring) block() uint64 { return min(mostRun, (r.mask+1)/2) }

// mostPart is how many bytes a frame of a run has at most. Larger ones gain nothing from a line less, and lose because the first is seen when the last
// is there: with 256 bytes a batch takes 1.02 of the time, with 1 KiB 1.16.
const mostPart = 128

// A run is one that a reader has come to. Those of its frames that lie at or behind the reader's position have not been handed out.
type run struct {
	description // of its first frame; of the others, sequence and number go on from there
	start, end  uint64
	like        uint64 // the same for runs one after the other that are alike: whose frames differ in nothing but what counts up. Other readers have others; not 0
}

// has says whether pos lies in the run.
func (u *run) has(pos uint64) bool { return pos-u.start < u.end-u.start }

// frame describes in f the frame at pos, which lies in the run.
func (u *run) frame(f *Frame, pos uint64) {
	f.description = u.description
	f.sequence = mem.PlainOf(u.sequence.Get() + pos - u.start)
	f.number = mem.PlainOf(u.number.Get() + pos - u.start)
	f.Position, f.Span, f.like = pos, 1, 0
}

// firstLike is what run.like begins with: at random, so that no two readers' runs have the same.
func firstLike() uint64 { return rand.Uint64() | 1 }

// read takes over the description of a run, which the reader has come to.
func (u *run) read(d *description) {
	var now description
	mem.Read(&now, d)
	if now.publisher != u.publisher || now.meta != u.meta || now.time != u.time {
		u.like++
	}
	u.publisher, u.meta, u.time, u.sequence, u.number = now.publisher, now.meta, now.time, now.sequence, now.number
}

// frames is how many frames lie under stamp st, which covers span slots.
func frames(st, span uint64) uint64 {
	switch st & 3 {
	case committed:
		return 1
	case committedRun:
		return span
	}
	return 0
}

// around is where the frame, run or hole begins that covers pos, if that is no more than a run away: pos if it has a stamp, or if there is none.
func (r *Ring) around(pos uint64) (start, st, span uint64) {
	for p := pos; ; p-- {
		st := r.at(p).stamp.Load()
		span, ok := resolved(st, p, r.mask)
		switch {
		case ok && p+span > pos:
			return p, st, span
		case ok || p%mostRun == 0:
			return pos, 0, 0
		}
	}
}

// runStart is where the run begins that covers pos; pos if none does.
func (r *Ring) runStart(pos uint64) uint64 {
	if start, st, _ := r.around(pos); st&3 == committedRun {
		return start
	}
	return pos
}

// describe describes the frame at r.pos in f: one by itself that covers span slots, or if st is a run's, one of the run that begins at start.
func (r *Reader) describe(f *Frame, start, st, span uint64) {
	if st&3 != committedRun {
		f.describe(r.ring.at(start), start, span)
		return
	}
	r.describePart(f, start, span)
}

// describePart is describe for a run of span slots that begins at start; both mean nothing if r is in it already.
func (r *Reader) describePart(f *Frame, start, span uint64) {
	if !r.run.has(r.pos) {
		r.run.read(&r.ring.at(start).description)
		r.before = uint8(r.run.end - r.run.start)
		r.run.start, r.run.end = start, start+span
	}
	r.run.frame(f, r.pos)
}

// enter is for a reader that may begin within a run, or at the end of one that may grow. Each stamp is looked at once: what covers the reader's position, or ends there, is what
// one look says.
func (r *Reader) enter() {
	for p := r.pos; p%mostRun != 0; {
		p--
		st := r.ring.at(p).stamp.Load()
		span, ok := resolved(st, p, r.ring.mask)
		switch end := p + span; {
		case !ok:
			continue
		case st&3 == committedRun && end > r.pos:
			var f Frame
			r.describePart(&f, p, span)
		case st&3 == committedRun && end == r.pos:
			r.run.start, r.run.end = p, end
		}
		return
	}
}

// BorrowRun borrows what is left of the run that a gate has come to, as one frame, and says how many they are: f describes the first of them and has its
// payload, and Span covers all. Their positions and sequences go on from there, Beside gives their payloads, and all else is the same. It says 0 if there is
// no run. Errors and payloads are as for BorrowMany.
func (r *Reader) BorrowRun(f *Frame) (n int, err error) {
	if !r.run.has(r.pos) {
		if !r.find(f) || !r.run.has(r.pos) {
			return 0, nil
		}
		r.entered()
	}
	if err := r.mayBorrow(); err != nil {
		return 0, err
	}
	u, cells, pos := &r.run, &r.ring.single, r.pos
	n = int(u.end - pos)
	if r.taking.able {
		r.taking.takeRun(pos, n, r.ring.cell)
	} else {
		mem.AskToLoad(cells, pos, n)
	}
	u.frame(f, pos)
	f.Span = uint64(n)
	f.Payload, f.Held = cells.At(pos).Bytes(f.Length()), true
	r.pos = u.end
	r.received += uint64(n)
	return n, nil
}

// Beside is the payload of the frame that lies i slots behind the first of a run, whose payload is b. Both must have been borrowed together.
func (r *Ring) Beside(b []byte, i int) []byte { return r.single.Behind(b, i) }

// entered is for a reader that has come to a run. After a few of them, another one is likely to follow.
func (r *Reader) entered() {
	r.taking.wanted = true
	if r.runs++; r.runs > 2 && (r.run.end < r.reaches || !r.ring.couldGrow(committedRun, r.run.end)) {
		mem.AskToLoadOne(r.ring.at(r.run.end))
	}
}

// mayBorrow is why a gate within a run may not borrow of it, or nil.
func (r *Reader) mayBorrow() error {
	r.fence.LoadLoad()
	if st := r.line.state.Load(); st != r.stored<<2|kindGate { // after the description: what was read before a kick is whole
		return r.ousted(st)
	}
	if length := uint64(uint32(r.run.meta.Get())); length > uint64(r.ring.cell) {
		return misfit(length)
	}
	return nil
}

// borrowRun is BorrowMany for a reader within a run. Most of what it says of a frame is what it said of the last one in the same place, and then it is not stored again: stores are
// what takes time here, as all wait behind those that take the lines.
func (r *Reader) borrowRun(fs []*Frame) (int, error) {
	if err := r.mayBorrow(); err != nil {
		return 0, err
	}
	u, cells, pos := &r.run, &r.ring.single, r.pos
	if left := u.end - pos; left < uint64(len(fs)) {
		fs = fs[:left]
	}
	if r.taking.able {
		r.taking.takeRun(pos, len(fs), r.ring.cell)
	}
	like := u.like
	sequence := u.sequence.Get() + pos - u.start
	cell := cells.At(pos)
	for _, f := range fs {
		if f.like != like {
			u.frame(f, pos)
			f.like, f.Payload = like, cell.Bytes(f.Length())
		}
		f.sequence, f.Position, f.Held = mem.PlainOf(sequence), pos, true
		mem.Point(&f.Payload, cell)
		pos, sequence, cell = pos+1, sequence+1, cell.After()
	}
	r.pos = pos
	r.received += uint64(len(fs))
	return len(fs), nil
}

// AmidRuns says whether the reader is within a run, or just behind one, and that or the run before it has at least so many frames: a batch that is published across the end of a block is
// two runs. It looks at nothing shared.
func (r *Reader) AmidRuns(least uint64) bool {
	n := r.run.end - r.run.start
	return max(n, uint64(r.before)) >= least && r.pos-r.run.start <= n
}

// LeftOfRun is how many frames are left of the run that the reader is within; 0: it is in none. It looks at nothing shared.
func (r *Reader) LeftOfRun() int {
	if !r.run.has(r.pos) {
		return 0
	}
	return int(r.run.end - r.pos)
}

// fillRun writes and stamps the first frames of ps that have one length, of at most mostPart and a slot, at t: one, or a run. It says how many they were.
func (w *Writer) fillRun(t uint64, ps [][]byte, kind Kind, time int64) uint64 {
	r, n := w.ring, len(ps[0])
	block := r.block()
	most := min(block-t%block, uint64(len(ps)))
	k := uint64(0)
	for end := uint64(0); k == end && k < most; {
		at := t + k
		if end = min(most, k+linesAtOnce-at%linesAtOnce); at%linesAtOnce == 0 {
			mem.AskToStoreCells(&r.single, at+2*linesAtOnce, int(min(linesAtOnce, r.mask+1)))
		}
		k += uint64(mem.Fill(&r.single, at, ps[k:end], n))
	}
	if k == 1 {
		w.stampOne(t, n, kind, time)
		return k
	}
	d := r.at(t)
	w.describe(d, n, kind, time)
	w.count(t, k, k*uint64(n))
	d.stamp.StoreRelease(makeStamp(t, k, r.mask, committedRun))
	mem.AskToStore(r.slots.At(t+k), r.single.First(t+k))
	return k
}
