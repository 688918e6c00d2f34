package topics

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shmbus/internal/mem"
)

// A vandal is a region in which anybody may overwrite any word at any time, between two calls.
type vandal struct {
	t       testing.TB
	script  []byte
	region  []byte
	r       *Ring
	writers []*Writer
	readers []*Reader
	buf     []byte
	sums    sums
}

// next is the next n bytes of the script as a number; zeros after its end.
func (v *vandal) next(n int) (x uint64) {
	for i := 0; i < n && len(v.script) > 0; i++ {
		x |= uint64(v.script[0]) << (8 * i)
		v.script = v.script[1:]
	}
	return x
}

// runHostile does what a script says: overwrites words, writes and reads. Whatever happens must end in a valid frame or an error.
func runHostile(t testing.TB, script []byte, s sums) {
	v := &vandal{t: t, script: script, sums: s}
	shape := v.next(1)
	g, err := Geometry{
		Slots: 2 << (shape & 3), Policy: Policy(shape >> 2 & 1), Exclusive: shape>>3&1 != 0, Publishers: 2, Subscriptions: 3,
	}.Normal()
	if err != nil {
		t.Fatal(err)
	}
	v.region = mem.Aligned(int(g.Areas(testPage).Size), testPage)
	if err := Format(v.region, g, testPage, 1); err != nil {
		t.Fatal(err)
	}
	if v.r, err = OpenRing(v.region); err != nil {
		t.Fatal(err)
	}
	v.r.Self = self
	v.r.Alive = func(o uint64) bool { return o&1 == 1 || o == self }
	for _, o := range []uint64{1, 2} {
		if w, err := v.r.NewWriter(o); err == nil {
			v.writers = append(v.writers, w)
		}
	}
	for _, m := range []Mode{Tap, Lossy, Gate} {
		if r, err := v.r.NewReader(m, First(), 1); err == nil {
			v.readers = append(v.readers, r)
		}
	}
	for len(v.script) > 0 {
		v.act(v.next(1))
	}
}

// offset is a word that somebody may overwrite: lines and stamps more often than cells and the rest of the pages.
func (v *vandal) offset() int {
	x := int(v.next(2))
	a := v.r.areas
	switch x & 3 {
	case 0:
		return x >> 2 % 32 * 8
	case 1:
		return int(a.Writers) + x>>2%16*8
	case 2:
		return int(a.Gates) + x>>2%24*8
	}
	return int(a.Stamps) + x>>2%(8*v.r.slots.Len())*8
}

func (v *vandal) overwrite() {
	off := v.offset()
	b := v.region[off:][:8]
	old := binary.LittleEndian.Uint64(b)
	x := v.next(1)
	switch x & 7 {
	case 0:
		old = v.next(8)
	case 1:
		old = 0
	case 2:
		old = 1<<64 - 1 - x>>3
	case 3:
		old += x >> 3
	case 4:
		old -= x >> 3
	case 5:
		old ^= 1 << (x >> 3 * 2)
	case 6:
		old = makeStamp(v.r.Tail()+x>>3&3, x>>5, v.r.mask, 1+x&1)
	case 7:
		old = (v.r.Tail()-x>>3)<<2 | kindGate
	}
	binary.LittleEndian.PutUint64(b, old)
	v.sums["overwritten word"]++
}

func (v *vandal) allow(err error) {
	for _, e := range []error{
		nil, ErrEmpty, ErrHeldBySlot, ErrHeldByGate, ErrHeldByTurn, ErrHeldByClaim, ErrRemoved, ErrNoLine, ErrTooLarge, ErrCorrupt, ErrPolicy, ErrGroupBusy, ErrKicked,
	} {
		if errors.Is(err, e) {
			if e != nil {
				v.sums[e.Error()]++
			}
			return
		}
	}
	v.t.Fatalf("an unknown error: %v", err)
}

func (v *vandal) act(op uint64) {
	r := v.r
	var w *Writer
	if len(v.writers) > 0 {
		w = v.writers[op>>4%uint64(len(v.writers))]
	}
	var rd *Reader
	if len(v.readers) > 0 {
		rd = v.readers[op>>4%uint64(len(v.readers))]
	}
	switch op & 15 {
	case 0, 1, 2, 3:
		v.overwrite()
	case 4, 5:
		v.write(w, op)
	case 6, 7, 8, 9:
		if rd != nil {
			v.read(rd)
		}
	case 10:
		start := []Start{Newest(), Oldest(), Last(3), AtPosition(v.next(1)), First()}[v.next(1)%5]
		nr, err := r.NewReader(Mode(op>>4%3), start, 1)
		if op>>4%4 == 3 {
			nr, err = r.NewMember("g", start, 1)
		}
		v.allow(err)
		if err == nil {
			v.readers = append(v.readers, nr)
		}
	case 11:
		nw, err := r.NewWriter(1)
		v.allow(err)
		if err == nil {
			v.writers = append(v.writers, nw)
		}
	case 12:
		r.Recover(v.next(1))
		r.Recover(r.Tail() - v.next(1)&15)
		r.ReapGates()
		r.ReapGate(int(op>>4) % 3)
	case 13:
		if len(r.Writers()) > 2 || len(r.Gates()) > 3 {
			v.t.Fatal("more lines than there are")
		}
		r.Totals()
		r.Unused()
		if op>>4 == 15 {
			r.Remove()
		}
	case 14:
		if rd != nil {
			rd.Lost()
			rd.CountedBy(func(uint64, uint64) {})
			rd.Idle()
			rd.Lag()
			if op>>6 == 3 {
				rd.Close()
				v.readers = v.readers[:0]
			}
		}
		if w != nil && op>>6 == 2 {
			w.Close()
			v.writers = v.writers[:0]
		}
	case 15:
		other, err := OpenRing(v.region)
		v.allow(err)
		if err == nil && other.areas != r.areas {
			v.t.Fatal("another geometry fits the same size") // possible only if all areas agree
		}
	}
}

func (v *vandal) write(w *Writer, op uint64) {
	if w == nil {
		return
	}
	takeLines(w, op>>5&1 != 0)
	defer func() {
		if w.taken != never && w.taken != 0 {
			v.sums["lines taken"]++
		}
	}()
	n := int(v.next(1)) * 2
	if op&1 == 0 {
		_, err := w.Batch([][]byte{make([]byte, n), make([]byte, n/3), {1}}, KindRaw, 1)
		v.allow(err)
		w.Ready()
		return
	}
	if op>>6 == 3 {
		v.allow(put(w, make([]byte, n), 1))
		return
	}
	if err := w.Claim(n); err != nil {
		v.allow(err)
		w.TakeTurn()
		w.Ready()
		return
	}
	fill(w.Payload(n), 1, 1)
	if op>>5&1 == 0 {
		v.overwrite()
	}
	if op>>6 == 0 {
		w.Abort()
	} else {
		w.Commit(n, KindRaw, 1)
	}
	w.PassTurn()
}

func (v *vandal) read(rd *Reader) {
	var f Frame
	var b []byte
	var err error
	rd.Ready()
	switch {
	case rd.shared != nil:
		if b, err = rd.Take(&f, v.next(1)&1 == 0); err == nil && v.next(1)&3 != 0 {
			defer rd.Ack()
		}
	case rd.kind == kindGate:
		fs := make([]Frame, min(1+v.next(1)%48, mostRun))
		var n int
		if n, err = rd.borrow(each(fs), 2); err == ErrEmpty {
			err = rd.Stuck()
		}
		for _, more := range fs[:n] {
			if f = more; more.Length() != len(more.Payload) || more.Position+more.Span > rd.Position() || !more.Held {
				v.t.Fatalf("%d frames, one of them %+v", n, more)
			}
		}
		b = f.Payload
		rd.Release(rd.Position())
	default:
		b, err = rd.Copy(&f, v.buf)
		v.buf = b
	}
	v.allow(err)
	if err == nil {
		v.sums["frame"]++
		if len(b) != f.Length() || len(b) > len(v.r.cells) || f.Span < 1 || f.Span > v.r.mask {
			v.t.Fatalf("%d bytes for %+v", len(b), f)
		}
	}
}

// TestHostileWordsEndInErrorsOrFrames runs random scripts: no panic, nothing out of bounds, no endless loop.
func TestHostileWordsEndInErrorsOrFrames(t *testing.T) {
	all := make(sums)
	play := func() {
		inTime(t, limit, "a hundred hostile scripts", func() {
			rapid.Check(t, func(rt *rapid.T) {
				runHostile(t, rapid.SliceOfN(rapid.Byte(), 20, 400).Draw(rt, "script"), all)
				long := make([]byte, 1000)
				fill(long, rapid.Uint64().Draw(rt, "seed"), 0)
				runHostile(t, long, all)
			})
		})
	}
	all.rounds(t, often(20, 800), play, "overwritten word", "frame", ErrCorrupt.Error(), ErrEmpty.Error(), ErrHeldBySlot.Error(), ErrHeldByGate.Error(),
		ErrHeldByTurn.Error(), ErrRemoved.Error(), ErrNoLine.Error(), ErrTooLarge.Error())
}

// FuzzHostileRegion is the same for the fuzzer.
func FuzzHostileRegion(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x05\x05\x20\x06\x16\x26\x00\x00\x00\x02\x05\x20\x06\x16\x26"))
	f.Add([]byte("\x0a\x04\x70\x06\x01\x41\x00\x03\x0a\x02\x1a\x01\x0c\x05\x0f\x0d"))
	for i := range uint64(8) {
		b := make([]byte, 200)
		fill(b, 5, i)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 4096 {
			script = script[:4096]
		}
		start := time.Now()
		inTime(t, limit, "a hostile script", func() { runHostile(t, script, make(sums)) })
		if took := time.Since(start); took > limit/2 {
			t.Errorf("it took %v", took)
		}
	})
}
