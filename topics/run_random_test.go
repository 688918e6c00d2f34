package topics

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"shmbus/internal/fence"
)

// TestRunsAtRandom lets two writers publish singles, of which runs grow, batches and large frames, and readers of all kinds come, read and go, one step after
// the other.
func TestRunsAtRandom(t *testing.T) {
	grown := 0
	for seed := range uint64(often(300, 6000)) {
		grown += runsAtRandom(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if grown < 1000 && fence.Reaches() {
		t.Errorf("runs have grown by %d frames: the test shows little of that", grown)
	}
}

func runsAtRandom(t *testing.T, seed uint64) (grown int) {
	x := rand.New(rand.NewPCG(seed, 1))
	slots := 2 << x.IntN(8)
	r := heapRing(t, Geometry{Slots: slots, Policy: Policy(x.IntN(2)), Publishers: 2, Subscriptions: 12})
	letGrow(r)
	e := &everybody{t: t, x: x, r: r, at: map[uint64]int{}, taken: map[uint64]int{}}
	for owner := range uint64(2) {
		w := growingWriter(t, r, owner+1)
		takeLines(w, seed%2 == 0)
		e.writers = append(e.writers, w)
	}
	for range 400 {
		e.step()
		if t.Failed() {
			return 0
		}
	}
	e.end()
	return e.grown
}

// everybody is who is on a ring, and what they know.
type everybody struct {
	t       *testing.T
	x       *rand.Rand
	r       *Ring
	writers []*Writer
	sent    [2]int
	order   []uint64       // positions of the frames, in order
	at      map[uint64]int // index in it
	whose   []int          // by index
	readers []*visitor
	members []*Reader
	grown   int            // frames by which runs have grown
	since   int            // index of the group's first frame
	taken   map[uint64]int // how often the group has taken it
}

// A visitor is a gate, a lossy subscription or a tap.
type visitor struct {
	*Reader
	gate bool
	next int // index of the frame that comes next, if none is lost
	had  [2]int
	base [2]int // frames of each publisher before it came
}

func (e *everybody) step() {
	switch n := e.x.IntN(20); {
	case n < 7:
		e.publish()
	case n == 7 && len(e.readers) < 6:
		e.join()
	case n == 8 && len(e.members) < 3 && e.r.geometry.Policy == PolicyLossless:
		e.member()
	case n < 14:
		for _, rd := range e.readers {
			e.read(rd, 1+e.x.IntN(40))
		}
	default:
		for _, m := range e.members {
			for range e.x.IntN(4) {
				e.take(m)
			}
		}
	}
	head, _ := e.r.Head()
	if i, ok := e.at[head]; ok && e.r.runStart(head) != head || !ok && head != e.r.Tail() && !e.hole(head) {
		e.t.Errorf("the head %d is within a run, or nowhere; index %d", head, i)
	}
}

// hole says whether an aborted stretch begins at p.
func (e *everybody) hole(p uint64) bool {
	st := e.r.at(p).stamp.Load()
	_, ok := resolved(st, p, e.r.mask)
	return ok && st&3 == aborted
}

// publish publishes a batch of frames of some lengths; what does not fit stays away.
func (e *everybody) publish() {
	who := e.x.IntN(2)
	w := e.writers[who]
	if e.x.IntN(3) == 0 {
		e.publishOnes(who)
		return
	}
	var ps [][]byte
	size := 16
	for range 1 + e.x.IntN(50) {
		if e.x.IntN(8) == 0 {
			size = 16 + e.x.IntN(40)
		}
		n := size
		if e.x.IntN(20) == 0 {
			n = min(100, e.r.geometry.MaxFrame())
		}
		p := make([]byte, n)
		binary.LittleEndian.PutUint64(p, uint64(who))
		ps = append(ps, p)
	}
	for len(ps) > 0 {
		for i, p := range ps {
			binary.LittleEndian.PutUint64(p[8:], uint64(e.sent[who]+i))
		}
		from := e.r.Tail()
		n, err := w.Batch(ps, KindRaw, 0)
		if held(err) {
			return
		}
		if err != nil {
			e.t.Error(err)
			return
		}
		e.sent[who] += n
		e.note(from, n, who)
		ps = ps[n:]
	}
}

// publishOnes publishes some frames one by one, mostly alike, of the sole publisher if that may be.
func (e *everybody) publishOnes(who int) {
	w, size := e.writers[who], 16+8*e.x.IntN(3)
	if e.x.IntN(4) > 0 {
		askToBeSole(w)
	}
	for range 1 + e.x.IntN(40) {
		if e.x.IntN(10) == 0 {
			size = 16 + 8*e.x.IntN(3)
		}
		p := make([]byte, size)
		binary.LittleEndian.PutUint64(p, uint64(who))
		binary.LittleEndian.PutUint64(p[8:], uint64(e.sent[who]))
		err := put(w, p, 0)
		if held(err) {
			return
		}
		if err != nil {
			e.t.Error(err)
			return
		}
		at := w.next - e.r.span(size)
		if e.r.runStart(at) != at {
			e.grown++
		}
		e.at[at] = len(e.order)
		e.order, e.whose = append(e.order, at), append(e.whose, who)
		e.sent[who]++
	}
}

// note notes where the n frames of a publisher lie that were published from a position on.
func (e *everybody) note(p uint64, n, who int) {
	for n > 0 {
		st := e.r.at(p).stamp.Load()
		span, ok := resolved(st, p, e.r.mask)
		if !ok {
			e.t.Fatalf("nothing is at %d", p)
		}
		for i := range frames(st, span) {
			e.at[p+i] = len(e.order)
			e.order, e.whose = append(e.order, p+i), append(e.whose, who)
			n--
		}
		p += span
	}
}

func (e *everybody) join() {
	var start Start
	tail := e.r.Tail()
	head, _ := e.r.Head()
	switch e.x.IntN(4) {
	case 0:
		start = Newest()
	case 1:
		start = Oldest()
	case 2:
		start = Last(e.x.IntN(60))
	case 3:
		start = AtPosition(head + e.x.Uint64N(tail-head+1))
	}
	mode := []Mode{Tap, Lossy, Gate}[e.x.IntN(3)]
	if e.r.geometry.Policy != PolicyLossless {
		mode = Tap
	}
	rd := &visitor{Reader: mustReader(e.t, e.r, mode, start, 5), gate: mode == Gate, next: len(e.order)}
	for i, p := range e.order {
		if p >= rd.Position() {
			rd.next = i
			break
		}
	}
	for _, p := range e.order[:rd.next] {
		rd.base[e.publisher(p)]++
	}
	e.readers = append(e.readers, rd)
}

// publisher is whose frame is at p.
func (e *everybody) publisher(p uint64) int { return e.whose[e.at[p]] }

func (e *everybody) read(rd *visitor, most int) {
	var fs [32]Frame
	for most > 0 {
		n := 1
		var err error
		if rd.gate {
			most := min(most, len(fs), 1+e.x.IntN(64))
			n, err = rd.borrow(each(fs[:most]), 0)
		} else {
			fs[0].Payload, err = rd.Copy(&fs[0], nil)
		}
		if errors.Is(err, ErrEmpty) {
			return
		}
		if err != nil {
			e.t.Error(err)
			return
		}
		for i := range fs[:n] {
			f := &fs[i]
			at := e.whole(f)
			if at < rd.next || rd.gate && at != rd.next {
				e.t.Errorf("frame %d at %d has come where frame %d should", at, f.Position, rd.next)
			}
			rd.next = at + 1
			rd.had[e.publisher(f.Position)]++
		}
		if rd.gate && e.x.IntN(2) == 0 {
			rd.Store(rd.Position() - e.x.Uint64N(uint64(n)))
		}
		most -= n
	}
}

// whole checks a frame, and is its index.
func (e *everybody) whole(f *Frame) int {
	at, ok := e.at[f.Position]
	who, n := binary.LittleEndian.Uint64(f.Payload), binary.LittleEndian.Uint64(f.Payload[8:])
	if !ok || f.Publisher() != e.writers[who].ID() || f.Sequence() != n+1 || f.like == 0 && f.number.Get() != n || len(f.Payload) != f.Length() {
		e.t.Errorf("frame %d of publisher %d at %d is described as %+v", n, who, f.Position, f)
	}
	return at
}

func (e *everybody) member() {
	if len(e.members) == 0 {
		e.since = len(e.order)
		clear(e.taken)
	}
	e.members = append(e.members, mustMember(e.t, e.r, "g", Newest(), 6))
}

func (e *everybody) take(m *Reader) {
	var f Frame
	b, err := m.Take(&f, false)
	if errors.Is(err, ErrEmpty) {
		if m.Lag() > 0 || m.Ready() {
			e.t.Errorf("nothing for a member at %d, and the tail is %d", m.Position(), e.r.Tail())
		}
		return
	}
	if err != nil {
		e.t.Error(err)
		return
	}
	f.Payload = b
	at := e.whole(&f)
	if e.taken[f.Position]++; e.taken[f.Position] > 1 || at < e.since {
		e.t.Errorf("position %d has gone to members %d times", f.Position, e.taken[f.Position])
	}
	m.Ack()
}

// end reads all that is left, and looks that nothing is missing.
func (e *everybody) end() {
	for _, rd := range e.readers {
		e.read(rd, 1<<30)
		got := 0
		for who := range e.sent {
			got += rd.had[who] + rd.base[who]
		}
		if got+int(rd.Lost()) != e.sent[0]+e.sent[1] {
			e.t.Errorf("%d had, %d lost and %v before, of %v frames", rd.had, rd.Lost(), rd.base, e.sent)
		}
		if rd.gate {
			rd.Store(rd.Position())
		}
	}
	for n := -1; len(e.members) > 0 && n != len(e.taken); {
		n = len(e.taken)
		for _, m := range e.members {
			e.take(m)
		}
	}
	if len(e.members) > 0 && len(e.taken) != len(e.order)-e.since {
		e.t.Errorf("%d frames have gone to the group, of %d", len(e.taken), len(e.order)-e.since)
	}
}
