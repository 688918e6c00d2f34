package topics

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
)

// alike is n frames of so many bytes; each begins with its number, counted from first.
func alike(first, n, size int) [][]byte {
	ps := make([][]byte, n)
	for i := range ps {
		ps[i] = make([]byte, size)
		binary.LittleEndian.PutUint64(ps[i], uint64(first+i))
	}
	return ps
}

func mustBatch(t testing.TB, w *Writer, ps ...[]byte) {
	t.Helper()
	for len(ps) > 0 {
		n, err := w.Batch(ps, KindRaw, 7)
		if err != nil {
			t.Fatal(err)
		}
		ps = ps[n:]
	}
}

// shape is the spans of what lies between head and tail, negative for runs.
func shape(r *Ring) (all []int) {
	p, _ := r.Head()
	for p < r.Tail() {
		st := r.at(p).stamp.Load()
		span, ok := resolved(st, p, r.mask)
		switch {
		case !ok:
			return append(all, 0)
		case st&3 == committedRun:
			all = append(all, -int(span))
		default:
			all = append(all, int(span))
		}
		p += span
	}
	return all
}

func TestWhatOfABatchIsARun(t *testing.T) {
	sizes := func(sizes ...int) (ps [][]byte) {
		for i, n := range sizes {
			ps = append(ps, alike(i, 1, n)...)
		}
		return ps
	}
	for _, c := range []struct {
		name       string
		slots      int
		cell       int
		before     int // frames of one slot
		batch      [][]byte
		wantShapes string
	}{
		{"frames of one length", 128, 64, 0, alike(0, 20, 64), "[-20]"},
		{"other lengths begin others", 128, 64, 0, sizes(8, 8, 9, 9, 9, 8), "[-2 -3 1]"},
		{"large frames lie between", 128, 64, 0, sizes(8, 8, 100, 8, 8, 100, 100), "[-2 2 -2 2 2]"},
		{"not over a multiple of 32", 512, 64, 30, alike(0, 70, 8), fmt.Sprint(append(make30(), -2, -32, -32, -4))},
		{"not round the end", 16, 64, 14, alike(0, 4, 8), fmt.Sprint(append(make30()[3:14], -2, -2))},
		{"not in a ring of two", 2, 64, 0, alike(0, 2, 8), "[1 1]"},
		{"no frames of more than 128 bytes", 128, 1024, 0, append(alike(0, 3, 128), alike(3, 3, 129)...), "[-3 1 1 1]"},
		{"no empty ones together with others", 128, 64, 0, append(append([][]byte{{}, {}, {}}, alike(0, 2, 8)...), []byte{}), "[-3 -2 1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := heapRing(t, Geometry{Slots: c.slots, CellSize: c.cell})
			w := mustWriter(t, r, 1)
			for range c.before {
				mustSend(t, w, "before")
			}
			mustBatch(t, w, c.batch...)
			if s := fmt.Sprint(shape(r)); s != c.wantShapes {
				t.Errorf("the ring has frames of %s slots, want %s", s, c.wantShapes)
			}
			n, bytes := r.Totals()
			sum := 6 * c.before
			for _, p := range c.batch {
				sum += len(p)
			}
			if n != uint64(c.before+len(c.batch)) || bytes != uint64(sum) {
				t.Errorf("%d frames of %d bytes are counted", n, bytes)
			}
		})
	}
}

func make30() []int {
	all := make([]int, 30)
	for i := range all {
		all[i] = 1
	}
	return all
}

// nextOf is the number of the next frame of a tap, a lossy subscription or a gate; -1 if there is none.
func nextOf(t testing.TB, rd *Reader) int {
	t.Helper()
	var f Frame
	b, err := rd.get(&f, nil)
	if errors.Is(err, ErrEmpty) {
		return -1
	}
	if err != nil {
		t.Fatal(err)
	}
	n := int(binary.LittleEndian.Uint64(b))
	time := int64(7)
	if rd.ring.growth != 0 {
		time = 0
	}
	if f.Sequence() != uint64(n)+1 || f.number.Get() != uint64(n) || f.Time() != time || f.Span != 1 || f.Kind() != KindRaw || f.Publisher() != 1 {
		t.Fatalf("frame %d is described as %+v", n, f)
	}
	return n
}

func TestAReaderMayBeginWithinARun(t *testing.T) {
	for _, mode := range []Mode{Tap, Lossy, Gate} {
		for _, c := range []struct {
			name  string
			start Start
			first int
		}{
			{"last 1", Last(1), 39},
			{"last 9", Last(9), 31},
			{"last 8", Last(8), 32},
			{"last 1000", Last(1000), 0},
			{"position 5", AtPosition(5), 5},
			{"position 32", AtPosition(32), 32},
			{"position 39", AtPosition(39), 39},
			{"position 40", AtPosition(40), 40},
			{"oldest", Oldest(), 0},
			{"newest", Newest(), 40},
		} {
			t.Run(fmt.Sprint(mode, " ", c.name), func(t *testing.T) {
				r := heapRing(t, Geometry{Slots: 256, Policy: PolicyLossless})
				w := mustWriter(t, r, 1)
				mustBatch(t, w, alike(0, 40, 24)...)
				rd := mustReader(t, r, mode, c.start, 2)
				if rd.Position() != uint64(c.first) {
					t.Fatalf("it begins at %d", rd.Position())
				}
				mustBatch(t, w, alike(40, 3, 24)...)
				for n := c.first; n < 43; n++ {
					if !rd.Ready() {
						t.Fatalf("not ready for frame %d", n)
					}
					if got := nextOf(t, rd); got != n {
						t.Fatalf("frame %d where %d should be", got, n)
					}
				}
				if rd.Ready() || nextOf(t, rd) != -1 || rd.Lost() != 0 {
					t.Errorf("there is another frame, or %d are lost", rd.Lost())
				}
			})
		}
	}
}

func TestALapWithinARunIsCounted(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 64})
	w := mustWriter(t, r, 1)
	for _, mode := range []Mode{Tap, Lossy} {
		first := int(r.Tail())
		mustBatch(t, w, alike(first, 16, 8)...)
		rd := mustReader(t, r, mode, AtPosition(uint64(first)), 2)
		for n := range 3 {
			if got := nextOf(t, rd); got != first+n {
				t.Fatalf("frame %d where %d should be", got, first+n)
			}
		}
		if rd.Lost() != 0 {
			t.Fatalf("%d are lost within a run whose rest is there", rd.Lost())
		}
		mustBatch(t, w, alike(first+16, 160, 8)...)
		got := 3
		for n := nextOf(t, rd); n >= 0; n = nextOf(t, rd) {
			got++
		}
		if got+int(rd.Lost()) != 176 || rd.Lost() == 0 {
			t.Errorf("%d received and %d lost, of 176", got, rd.Lost())
		}
		rd.Close()
	}
}

func TestTheNewestFrameOfARun(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 64})
	w := mustWriter(t, r, 1)
	rd := mustReader(t, r, Tap, Oldest(), 0)
	newest := func() int {
		rd.SkipToNewest()
		return nextOf(t, rd)
	}
	mustBatch(t, w, alike(0, 5, 8)...)
	if n := nextOf(t, rd); n != 0 {
		t.Errorf("the first frame is %d", n)
	}
	if n := newest(); n != 4 {
		t.Errorf("of a run that has been begun the newest is %d", n)
	}
	if n := newest(); n != -1 {
		t.Errorf("then comes %d", n)
	}
	mustBatch(t, w, alike(5, 16, 8)...)
	mustBatch(t, w, alike(21, 3, 8)...)
	if n := newest(); n != 23 {
		t.Errorf("of the last of several runs the newest is %d", n)
	}
	if rd.Lost() != 24-3 {
		t.Errorf("%d are lost", rd.Lost())
	}
}

func TestMembersShareARun(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 64, Policy: PolicyLossless})
	dead := uint64(0)
	r.Self, r.Alive = 9, func(owner uint64) bool { return owner != dead }
	w := mustWriter(t, r, 1)
	a, b := mustMember(t, r, "g", Oldest(), 2), mustMember(t, r, "g", Oldest(), 3)
	mustBatch(t, w, alike(0, 6, 8)...)
	take := func(m *Reader, want int, attempt uint64) {
		t.Helper()
		if !m.Ready() {
			t.Fatalf("not ready for frame %d", want)
		}
		var f Frame
		p, err := m.Take(&f, false)
		if err != nil {
			t.Fatal(err)
		}
		if n := int(binary.LittleEndian.Uint64(p)); n != want || f.Position != uint64(n) || f.Sequence() != uint64(n)+1 || uint64(f.Attempt) != attempt {
			t.Fatalf("frame %d where %d should be: %+v", n, want, f)
		}
	}
	take(a, 0, 1)
	take(b, 1, 1) // it has not seen the run begin
	b.Ack()
	take(b, 2, 1)
	a.Ack()
	take(a, 3, 1)
	b.Ack()
	dead = 2
	take(b, 4, 1)
	b.Ack()
	take(b, 5, 1)
	b.Ack()
	mustBatch(t, w, alike(6, 32, 8)...)
	if err := w.Claim(30 * 64); !errors.Is(err, ErrHeldByGate) {
		t.Fatalf("with a frame of the run in a dead member's hand the claim ends with %v", err)
	}
	var f Frame
	p, err := b.Take(&f, true)
	if err != nil || binary.LittleEndian.Uint64(p) != 3 || f.Attempt != 2 || f.Sequence() != 4 {
		t.Fatalf("the dead member's frame comes as %v, %+v", err, f)
	}
	b.Ack()
	for n := 6; n < 38; n++ {
		take(b, n, 1)
		b.Ack()
	}
	wantNothing(t, b)
	mustClaim(t, w, 30*64)
}
