package topics

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// limit is how long a concurrent test may take before it counts as stuck.
const limit = 90 * time.Second

// grown counts frames by which flood has made runs longer.
var grown atomic.Uint64

// flood sends frames first to last with one writer, some aborted, some in batches, and yields now and then with a claim open. Now and then it
// asks to be the sole one, and then its runs grow where they may.
// at is called with the position of each frame, if it is not nil.
func flood(w *Writer, first, last uint64, most int, at func(sequence, pos uint64)) error {
	id := w.ID()
	w.streams = true
	takes := mix(id, last)%2 == 0
	asks := uint64(often(11, 101)) // each is two system calls that interrupt all CPUs
	for s := first; s <= last; s++ {
		x := mix(id+77, s)
		if x>>16%asks == 0 { // as if it had been alone for long
			w.endRun()
			w.patience, w.crossed = 0, w.number
			err := w.settle()
			takeLines(w, takes)
			if w.patience = firstPatience; err != nil && !held(err) {
				return err
			}
		}
		if at == nil && inStream(s) {
			p := make([]byte, sizeOf(id, s, most))
			fill(p, id, s)
			err := put(w, p, 0)
			if err == nil {
				if at := w.next - 1; w.ring.runStart(at) != at {
					grown.Add(1)
				}
				continue
			}
			if !held(err) {
				return err
			}
		}
		if x%13 == 0 {
			if err := claimSoon(w, sizeOf(id, s+1, most)); err != nil {
				return err
			}
			w.Abort()
		}
		if x%7 == 0 && at == nil {
			var ps [][]byte
			for i := s; i <= last && i < s+x>>8%5+1; i++ {
				p := make([]byte, sizeOf(id, i, most))
				fill(p, id, i)
				ps = append(ps, p)
			}
			n, err := w.Batch(ps, KindRaw, 0)
			if err == nil {
				s += uint64(n) - 1
				continue
			}
			if !held(err) {
				return err
			}
		}
		n := sizeOf(id, s, most)
		if x%3 == 0 && at == nil {
			p := make([]byte, n)
			fill(p, id, s)
			err := put(w, p, 0)
			if err == nil {
				continue
			}
			if !held(err) {
				return err
			}
		}
		if err := claimSoon(w, n); err != nil {
			return err
		}
		if x%5 == 0 {
			runtime.Gosched()
		}
		if at != nil {
			at(s, w.pos)
		}
		fill(w.Payload(n), id, s)
		w.Commit(n, KindRaw, 0)
	}
	return nil
}

// A reading is what one reader of a stream has seen.
type reading struct {
	order  uint64 // hash over all frames in their order
	got    map[uint64]uint64
	last   map[uint64]uint64
	lastAt uint64
	frames uint64
	buf    []byte
	check  []byte
}

func newReading() *reading {
	return &reading{got: make(map[uint64]uint64), last: make(map[uint64]uint64)}
}

// see checks a frame and takes it into account.
func (r *reading) see(f *Frame, b []byte, most int) error {
	switch {
	case r.frames > 0 && f.Position <= r.lastAt:
		return errors.New("positions do not rise")
	case f.Sequence() <= r.last[f.Publisher()]:
		return errors.New("sequences do not rise")
	case len(b) != sizeOf(f.Publisher(), f.Sequence(), most):
		return errors.New("a frame's length is not what was sent")
	}
	r.lastAt = f.Position
	r.last[f.Publisher()] = f.Sequence()
	r.got[f.Publisher()]++
	r.frames++
	r.order = mix(r.order, f.Position) ^ mix(f.Publisher(), f.Sequence())
	return intact(b, f.Publisher(), f.Sequence(), &r.check)
}

// borrow reads frames of a gate until it has want of them or the topic is removed. It holds some frames for a while.
func (r *reading) borrow(rd *Reader, want uint64, most int) error {
	fs := make([]Frame, mostRun)
	for all := each(fs); r.frames < want; {
		n, err := rd.borrow(all[:min(1+mix(r.frames, 5)%48, mostRun, want-r.frames)], 0)
		if err == ErrEmpty {
			err = rd.Stuck()
		}
		if errors.Is(err, ErrEmpty) {
			rd.Store(rd.Position())
			runtime.Gosched()
			continue
		}
		if err != nil {
			return err
		}
		for i := range fs[:n] {
			f := &fs[i]
			if mix(f.Position, 3)%16 == 0 {
				runtime.Gosched() // it stays as it is
			}
			if err := r.see(f, f.Payload, most); err != nil {
				return err
			}
		}
		rd.Release(rd.Position())
	}
	rd.Store(rd.Position())
	return nil
}

// copy reads frames of a copying reader until nothing is there after done was closed, or the topic is removed.
func (r *reading) copy(rd *Reader, done *atomic.Bool, most int) error {
	var f Frame
	for {
		end := done.Load()
		b, err := rd.Copy(&f, r.buf)
		r.buf = b
		switch {
		case err == nil:
			if err := r.see(&f, b, most); err != nil {
				return err
			}
			if mix(f.Position, 4)%8 == 0 {
				runtime.Gosched()
			}
		case !errors.Is(err, ErrEmpty):
			return err
		case end && !rd.Ready():
			return nil
		default:
			rd.Idle()
			runtime.Gosched()
		}
	}
}

// TestAllLosslessReadersSeeEverythingInOneOrder: four writers, four lossless readers, frames of all sizes.
func TestAllLosslessReadersSeeEverythingInOneOrder(t *testing.T) {
	frames := uint64(often(3000, 100000))
	overBoth(t, func(t *testing.T, m memory) {
		for _, slots := range []int{4, 64, 1024} {
			wr, rr := m.open(t, Geometry{Slots: slots, Policy: PolicyLossless})
			letGrow(wr, rr)
			most := wr.Geometry().MaxFrame()
			var writers []*Writer
			var readers []*Reader
			for range 4 {
				writers = append(writers, mustWriter(t, wr, 1))
				readers = append(readers, mustReader(t, rr, Gate, Newest(), 1))
			}
			all := make([]*reading, len(readers))
			inTime(t, limit, "the stream", func() {
				var wg sync.WaitGroup
				for _, w := range writers {
					wg.Go(func() {
						if err := flood(w, 1, frames, most, nil); err != nil {
							t.Error(err)
						}
						w.Close()
					})
				}
				for i, rd := range readers {
					all[i] = newReading()
					wg.Go(func() {
						if err := all[i].borrow(rd, 4*frames, most); err != nil {
							t.Error(err)
							wr.Remove()
						}
					})
				}
				wg.Wait()
			})
			for i, r := range all {
				if r.order != all[0].order || r.frames != 4*frames {
					t.Fatalf("%d slots: reader %d read %d frames in another order than reader 0", slots, i, r.frames)
				}
				var f Frame
				if _, err := readers[i].Borrow(&f); !errors.Is(err, ErrEmpty) {
					t.Fatalf("%d slots: after the last frame: %v", slots, err)
				}
			}
		}
	})
}

// TestOverwritingLosesExactlyWhatIsCounted: four writers overwrite tiny rings; what readers got and what they lost is what was sent, by
// publisher, and no frame is torn.
func TestOverwritingLosesExactlyWhatIsCounted(t *testing.T) {
	skipLossyUnderRace(t)
	frames := uint64(often(5000, 300000))
	overBoth(t, func(t *testing.T, m memory) {
		lost := uint64(0)
		for _, slots := range []int{2, 4, 8, 64} {
			lost += overwrite(t, m, Geometry{Slots: slots, Publishers: 4, Subscriptions: 4}, frames)
		}
		if lost == 0 {
			t.Error("nothing was ever lost: the test shows nothing about loss")
		}
	})
}

func overwrite(t *testing.T, m memory, g Geometry, frames uint64) (lost uint64) {
	wr, rr := m.open(t, g)
	letGrow(wr, rr)
	most := wr.Geometry().MaxFrame()
	var writers []*Writer
	for range wr.Geometry().Publishers {
		writers = append(writers, mustWriter(t, wr, 1))
	}
	var readers []*Reader
	for i := range 4 {
		readers = append(readers, mustReader(t, rr, Mode(i%2), []Start{Newest(), First()}[i/2], 1))
	}
	all := make([]*reading, len(readers))
	inTime(t, limit, "the stream", func() {
		var done atomic.Bool
		var wwg, rwg sync.WaitGroup
		for _, w := range writers {
			wwg.Go(func() {
				if err := flood(w, 1, frames, most, nil); err != nil {
					t.Error(err)
				}
			})
		}
		for i, rd := range readers {
			all[i] = newReading()
			rwg.Go(func() {
				if err := all[i].copy(rd, &done, most); err != nil {
					t.Error(err)
				}
			})
		}
		wwg.Wait()
		done.Store(true)
		rwg.Wait()
	})
	for i, rd := range readers {
		by := make(map[uint64]uint64)
		rd.Lost()
		rd.CountedBy(func(p, n uint64) { by[p] = n })
		for _, w := range writers {
			if id := w.ID(); all[i].got[id]+by[id] != frames {
				t.Errorf("%d slots, reader %d: got %d and lost %d of publisher %d, want %d together",
					g.Slots, i, all[i].got[id], by[id], id, frames)
			}
		}
		if rd.Lost()+rd.Received() != frames*uint64(len(writers)) {
			t.Errorf("%d slots, reader %d: got %d and lost %d", g.Slots, i, rd.Received(), rd.Lost())
		}
		lost += rd.Lost()
	}
	return lost
}

// TestAnExclusiveWriterKeepsThePromises: one writer without a CAS on the tail, under both policies.
func TestAnExclusiveWriterKeepsThePromises(t *testing.T) {
	frames := uint64(often(20000, 1000000))
	overBoth(t, func(t *testing.T, m memory) {
		wr, rr := m.open(t, Geometry{Slots: 16, Policy: PolicyLossless, Exclusive: true})
		letGrow(wr, rr)
		before := grown.Load()
		w := mustWriter(t, wr, 1)
		_, err := wr.NewWriter(2)
		wantErr(t, err, ErrNoLine)
		most := wr.Geometry().MaxFrame()
		rd := mustReader(t, rr, Gate, Newest(), 1)
		got := newReading()
		inTime(t, limit, "the stream", func() {
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := flood(w, 1, frames, most, nil); err != nil {
					t.Error(err)
				}
			})
			if err := got.borrow(rd, frames, most); err != nil {
				t.Error(err)
				wr.Remove()
			}
			wg.Wait()
		})
		if got.frames != frames {
			t.Fatalf("got %d frames, want %d", got.frames, frames)
		}
		if n := grown.Load() - before; w.reached && n < 50 {
			t.Errorf("runs have grown by %d of %d frames", n, frames)
		}
		if !raceEnabled {
			overwrite(t, m, Geometry{Slots: 4, Exclusive: true, Subscriptions: 4}, frames)
		}
	})
}
