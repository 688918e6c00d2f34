package topics

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shmbus/internal/mem"
	"shmbus/wake"
)

const testPage = 4096

// long says that tests may take minutes.
var long = os.Getenv("SHMBUS_LONG") != ""

// often is few by default and many when tests may take minutes; the race detector makes everything many times slower.
func often(few, many int) int {
	switch {
	case long && raceEnabled:
		return many / 10
	case long:
		return many
	case raceEnabled:
		return max(1, few/5)
	}
	return few
}

// A memory makes a zeroed region and gives two views of it: writers stand on the first, readers on the second.
type memory struct {
	name string
	make func(dir string, size int) (a, b []byte, free func(), err error)
}

func memories() []memory {
	heap := memory{"heap", func(_ string, size int) (a, b []byte, free func(), err error) {
		m := mem.Aligned(size, testPage)
		return m, m, func() {}, nil
	}}
	if raceEnabled {
		return []memory{heap} // the detector cannot see a mapping
	}
	return append([]memory{heap}, mappings()...)
}

// overBoth runs f over each memory.
func overBoth(t *testing.T, f func(t *testing.T, m memory)) {
	for _, m := range memories() {
		t.Run(m.name, func(t *testing.T) { f(t, m) })
	}
}

// skipLossyUnderRace skips a test of readers that copy what may be overwritten meanwhile.
func skipLossyUnderRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("lossy reading copies first and checks afterwards: a data race by design, which the race detector would report")
	}
}

// rings formats a region and opens it twice.
func (m memory) rings(dir string, g Geometry) (w, r *Ring, free func(), err error) {
	g, err = g.Normal()
	if err != nil {
		return nil, nil, nil, err
	}
	a, b, free, err := m.make(dir, int(g.Areas(testPage).Size))
	if err != nil {
		return nil, nil, nil, err
	}
	if err = Format(a, g, testPage, 1); err == nil {
		if w, err = OpenRing(a); err == nil {
			r, err = OpenRing(b)
		}
	}
	if err == nil {
		regions.Store(r, b)
		regions.Store(w, a)
		unmap := free
		free = func() { regions.Delete(r); regions.Delete(w); unmap() }
	}
	return w, r, free, err
}

func (m memory) open(t testing.TB, g Geometry) (w, r *Ring) {
	t.Helper()
	w, r, free, err := m.rings(t.TempDir(), g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(free)
	return w, r
}

// regions has the memory of each *Ring of a test.
var regions sync.Map

// takesFrom makes a gate take lines from now on, where the CPU can.
func takesFrom(rd *Reader) error {
	b, ok := regions.Load(rd.ring)
	if !ok || rd.kind != kindGate {
		return nil
	}
	rd.taking.from.is = true // so that large ones are taken as well
	return rd.TakeThrough(b.([]byte)[rd.ring.areas.Stamps:])
}

// heapRing is a ring over heap memory.
func heapRing(t testing.TB, g Geometry) *Ring {
	t.Helper()
	r, _ := memories()[0].open(t, g)
	return r
}

func mustWriter(t testing.TB, r *Ring, owner uint64) *Writer {
	t.Helper()
	w, err := r.NewWriter(owner)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// letGrow lets runs grow on rings of any size.
func letGrow(rs ...*Ring) {
	for _, r := range rs {
		r.growth = r.block() - 1
	}
}

// quick gives w what Publish needs: nobody sleeps or stops it, and what it does not do remains undone.
func quick(w *Writer) {
	w.Stop, w.Bell = new(atomic.Uint32), wake.NewRinger(new(wake.Bell), wake.Poll(time.Second))
	w.Rest = func(_ context.Context, _ []byte, err error) error { return err }
}

// put publishes b as a publisher's quick call does. Its errors are Claim's.
func put(w *Writer, b []byte, time int64) error {
	if w.Rest == nil {
		quick(w)
	}
	w.time = time
	return w.Publish(context.Background(), b)
}

func mustReader(t testing.TB, r *Ring, m Mode, s Start, owner uint64) *Reader {
	t.Helper()
	rd, err := r.NewReader(m, s, owner)
	if err == nil && owner%2 == 0 {
		err = takesFrom(rd)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rd
}

func mustClaim(t testing.TB, w *Writer, n int) {
	t.Helper()
	if err := w.Claim(n); err != nil {
		t.Fatalf("claim of %d bytes: %v", n, err)
	}
}

func mustSend(t testing.TB, w *Writer, payload string) {
	t.Helper()
	mustClaim(t, w, len(payload))
	copy(w.Payload(len(payload)), payload)
	w.Commit(len(payload), KindRaw, 0)
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// mix is a number that depends on two others in no obvious way.
func mix(a, b uint64) uint64 {
	x := a*0x9e3779b97f4a7c15 + b
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// inStream says whether a frame is one of many that have one length and are published one by one.
func inStream(sequence uint64) bool { return sequence>>6%2 == 1 }

// sizeOf is how long a publisher's frame of that sequence is: mostly small, at times up to most.
func sizeOf(publisher, sequence uint64, most int) int {
	if inStream(sequence) {
		return min(most, 24+int(mix(publisher, sequence>>6)%5)*8)
	}
	x := mix(publisher, sequence)
	if x&7 != 0 {
		most = min(most, 200)
	}
	return int(x >> 8 % uint64(most+1))
}

// fill writes what the frame holds: every byte depends on its publisher, its sequence and its place.
func fill(b []byte, publisher, sequence uint64) {
	x := mix(publisher+1000, sequence)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, x)
		x += 0x9e3779b97f4a7c15
		b = b[8:]
	}
	for i := range b {
		b[i] = byte(x >> (8 * i))
	}
}

// intact says what is wrong with a frame that was filled by fill.
func intact(b []byte, publisher, sequence uint64, scratch *[]byte) error {
	if cap(*scratch) < len(b) {
		*scratch = make([]byte, len(b))
	}
	want := (*scratch)[:len(b)]
	fill(want, publisher, sequence)
	if !bytes.Equal(b, want) {
		return fmt.Errorf("torn: frame %d of publisher %d, %d bytes, is not what was sent", sequence, publisher, len(b))
	}
	return nil
}

// held says whether an error is one of the states in which a writer waits.
func held(err error) bool {
	return errors.Is(err, ErrHeldBySlot) || errors.Is(err, ErrHeldByGate) || errors.Is(err, ErrHeldByTurn) || errors.Is(err, ErrHeldByClaim)
}

// claimSoon claims, yielding the processor as long as it is held up.
func claimSoon(w *Writer, n int) error {
	for {
		if err := w.Claim(n); !held(err) {
			return err
		}
		runtime.Gosched()
	}
}

// inTime fails the test when f does not end in time.
func inTime(t testing.TB, d time.Duration, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(d):
		buf := make([]byte, 1<<16)
		t.Fatalf("%s did not end within %v\n%s", what, d, buf[:runtime.Stack(buf, true)])
	}
}

// describeOnly does of Commit what comes before the stamp.
func describeOnly(w *Writer, n int, kind Kind, time int64) {
	w.describe(w.ring.at(w.pos), n, kind, time)
	w.count(w.pos, 1, uint64(n))
}

// each is the addresses of frames, for BorrowMany.
func each(fs []Frame) []*Frame {
	all := make([]*Frame, len(fs))
	for i := range fs {
		all[i] = &fs[i]
	}
	return all
}

// Borrow reads the next frame of a gate and says why there is none.
func (r *Reader) Borrow(f *Frame) ([]byte, error) {
	_, err := r.BorrowMany([]*Frame{f}, 0)
	if err == ErrEmpty {
		err = r.Stuck()
	}
	if err != nil {
		return nil, err
	}
	return f.Payload, nil
}

// borrow is BorrowMany, or where there is a run and fs has room for all of it, BorrowRun: then fs is what that says of each of its frames.
func (r *Reader) borrow(fs []*Frame, looks int) (n int, err error) {
	var f Frame
	if len(fs) >= mostRun {
		n, err = r.BorrowRun(&f)
	}
	if n == 0 && err == nil {
		return r.BorrowMany(fs, looks)
	}
	if err == nil && (f.Span != uint64(n) || f.Position+f.Span != r.Position()) {
		err = fmt.Errorf("%d frames of a run, described as %+v, and the reader is at %d", n, f, r.Position())
	}
	for i := range n {
		*fs[i] = f
		fs[i].Position, fs[i].Span, fs[i].Payload = f.Position+uint64(i), 1, r.ring.Beside(f.Payload, i)
		fs[i].sequence, fs[i].number = mem.PlainOf(f.Sequence()+uint64(i)), mem.PlainOf(f.number.Get()+uint64(i))
	}
	return n, err
}

// get is Borrow of a gate and Copy of others.
func (r *Reader) get(f *Frame, buf []byte) ([]byte, error) {
	if r.kind == kindGate {
		return r.Borrow(f)
	}
	return r.Copy(f, buf)
}
