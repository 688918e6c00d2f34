package topics

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestWritersDieWhileOthersRun: writers are abandoned at every stage, over and over, while others write, read and reap. The living lose
// nothing, and nobody is stuck.
func TestWritersDieWhileOthersRun(t *testing.T) {
	frames := uint64(often(2000, 50000))
	deaths := uint64(often(300, 10000))
	overBoth(t, func(t *testing.T, m memory) {
		wr, rr := m.open(t, Geometry{Slots: 32, Policy: PolicyLossless, Publishers: 6})
		most := wr.Geometry().MaxFrame()
		var lastDead atomic.Uint64 // owners from 1000 up to it are dead
		lastDead.Store(999)
		for i, r := range []*Ring{wr, rr} {
			r.Alive = func(o uint64) bool { return o < 1000 || o > lastDead.Load() }
			r.Self = self + uint64(i)
		}
		var sent, count atomic.Uint64
		committedBy := make(map[uint64]uint64) // by those that died
		claim := func(w *Writer, n int) error {
			for {
				err := w.Claim(n)
				if errors.Is(err, ErrHeldBySlot) {
					wr.Recover(w.HeldAt())
				}
				if !held(err) {
					return err
				}
				runtime.Gosched()
			}
		}
		var readers []*Reader
		for range 2 {
			readers = append(readers, mustReader(t, rr, Gate, Newest(), 1))
		}
		all := []*reading{newReading(), newReading()}
		var done atomic.Bool
		inTime(t, limit, "the stream", func() {
			var wwg, rwg sync.WaitGroup
			for range 3 {
				w := mustWriter(t, wr, 1)
				wwg.Go(func() {
					for s := uint64(1); s <= frames; s++ {
						n := sizeOf(w.ID(), s, most)
						if err := claim(w, n); err != nil {
							t.Error(err)
							return
						}
						if s%5 == 0 {
							runtime.Gosched()
						}
						fill(w.Payload(n), w.ID(), s)
						w.Commit(n, KindRaw, 0)
						sent.Add(1)
					}
				})
			}
			wwg.Go(func() {
				for d := uint64(1000); d < 1000+deaths; d++ {
					w, err := wr.NewWriter(d)
					for errors.Is(err, ErrNoLine) { // others are about to free the lines of the dead
						runtime.Gosched()
						w, err = wr.NewWriter(d)
					}
					if err != nil {
						t.Error(err)
						return
					}
					s := uint64(1)
					for ; s <= d%3; s++ {
						n := sizeOf(w.ID(), s, most)
						if err := claim(w, n); err != nil {
							t.Error(err)
							return
						}
						fill(w.Payload(n), w.ID(), s)
						w.Commit(n, KindRaw, 0)
						sent.Add(1)
					}
					committedBy[w.ID()] = d % 3
					stage := mix(d, 1) % 4
					if stage == 0 {
						announce(w, int(mix(d, 2)%uint64(most)))
					} else if err := claim(w, sizeOf(w.ID(), s, most)); err != nil {
						t.Error(err)
						return
					}
					if stage > 1 {
						w.stampPad(w.pos, w.pad)
					}
					if stage > 2 {
						describeOnly(w, 0, KindRaw, 0)
					}
					lastDead.Store(d)
					count.Add(1)
				}
			})
			go func() {
				wwg.Wait()
				done.Store(true)
			}()
			for i, rd := range readers {
				rwg.Go(func() {
					for !done.Load() || all[i].frames < sent.Load() {
						var f Frame
						b, err := rd.Borrow(&f)
						if errors.Is(err, ErrEmpty) {
							rd.Store(rd.Position())
							rr.Recover(rd.Position())
							runtime.Gosched()
							continue
						}
						if err == nil {
							err = all[i].see(&f, b, most)
						}
						if err != nil {
							t.Error(err)
							return
						}
						rd.Release(rd.Position())
					}
				})
			}
			rwg.Wait()
		})
		for i, r := range all {
			if r.frames != sent.Load() || r.order != all[0].order {
				t.Errorf("reader %d: %d frames, want %d in the order of reader 0", i, r.frames, sent.Load())
			}
			for p, n := range committedBy {
				if r.got[p] != n {
					t.Errorf("reader %d: %d frames of publisher %d, which committed %d before it died", i, r.got[p], p, n)
				}
			}
		}
		if count.Load() != deaths {
			t.Errorf("%d deaths, want %d", count.Load(), deaths)
		}
		wr.ReapWriters()
		if n := len(wr.Writers()); n != 3 {
			t.Errorf("%d lines are taken, want 3", n)
		}
	})
}
