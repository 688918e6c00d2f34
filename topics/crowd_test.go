package topics

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestJoinersCountFromWhereTheyStart: readers join at any time and in every way while writers flood. What each got and lost is exactly
// what was committed from its start on, by publisher.
func TestJoinersCountFromWhereTheyStart(t *testing.T) {
	skipLossyUnderRace(t)
	frames := uint64(often(4000, 100000))
	overBoth(t, func(t *testing.T, m memory) {
		all := make(sums)
		for _, slots := range []int{4, 16, 256} {
			joiners(t, m, slots, frames, all)
		}
		all.report(t, "loss", "started late", "newest", "oldest", "last", "position", "first")
	})
}

func joiners(t *testing.T, m memory, slots int, frames uint64, all sums) {
	wr, rr := m.open(t, Geometry{Slots: slots, Publishers: 4, Policy: PolicyLossless})
	most := wr.Geometry().MaxFrame()
	positions := make(map[uint64][]uint64) // of each publisher's frames
	var writers []*Writer
	for range 4 {
		w := mustWriter(t, wr, 1)
		writers = append(writers, w)
		positions[w.ID()] = make([]uint64, frames+1)
	}
	var mu sync.Mutex
	inTime(t, limit, "the stream", func() {
		var done atomic.Bool
		var wwg, rwg sync.WaitGroup
		for _, w := range writers {
			at := positions[w.ID()]
			wwg.Go(func() {
				if err := flood(w, 1, frames, most, func(s, p uint64) { at[s] = p }); err != nil {
					t.Error(err)
				}
			})
		}
		go func() {
			wwg.Wait()
			done.Store(true)
		}()
		for k := range 40 {
			rwg.Go(func() {
				for wait := uint64(k) * frames / 10; rr.Tail() < wait && !done.Load(); {
					runtime.Gosched()
				}
				kind := []string{"newest", "oldest", "last", "position", "first"}[k%5]
				start := []Start{Newest(), Oldest(), Last(slots / 2), AtPosition(rr.Tail()), First()}[k%5]
				rd, err := rr.NewReader(Mode(k/5&1), start, 1)
				if err != nil {
					t.Error(err)
					return
				}
				first := rd.Position()
				got := newReading()
				if err := got.copy(rd, &done, most); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if rd.loss.loose {
					all["joined while the ring ran away"]++ // where its count starts is known to nobody else
				} else {
					checkJoiner(t, rd, got, first, positions, kind)
				}
				all[kind]++
				if first > 0 {
					all["started late"]++
				}
				if rd.Lost() > 0 {
					all["loss"]++
				}
				rd.Close()
			})
		}
		rwg.Wait()
	})
}

func checkJoiner(t *testing.T, rd *Reader, got *reading, first uint64, positions map[uint64][]uint64, kind string) {
	t.Helper()
	by := make(map[uint64]uint64)
	rd.Lost()
	rd.CountedBy(func(p, n uint64) { by[p] = n })
	total := uint64(0)
	for id, at := range positions {
		want := uint64(0)
		for _, p := range at[1:] {
			if p >= first {
				want++
			}
		}
		total += want
		if got.got[id]+by[id] != want {
			t.Errorf("%s from %d: got %d and lost %d of publisher %d, want %d together", kind, first, got.got[id], by[id], id, want)
		}
	}
	if rd.Received()+rd.Lost() != total {
		t.Errorf("%s from %d: got %d and lost %d, want %d together", kind, first, rd.Received(), rd.Lost(), total)
	}
}

// TestALargeFrameGetsThrough: one writer sends frames of half the ring beside three that send small ones without end.
func TestALargeFrameGetsThrough(t *testing.T) {
	overBoth(t, func(t *testing.T, m memory) {
		wr, rr := m.open(t, Geometry{Slots: 64, Policy: PolicyLossless})
		rd := mustReader(t, rr, Gate, Newest(), 1)
		big := mustWriter(t, wr, 1)
		most := wr.Geometry().MaxFrame()
		var done atomic.Bool
		inTime(t, limit, "a large frame beside small ones", func() {
			var wg sync.WaitGroup
			for range 3 {
				w := mustWriter(t, wr, 1)
				wg.Go(func() {
					for !done.Load() {
						if err := w.Claim(8); err == nil {
							w.Commit(8, KindRaw, 0)
						} else if !held(err) {
							t.Error(err)
							return
						} else {
							runtime.Gosched()
						}
					}
				})
			}
			wg.Go(func() {
				var f Frame
				for !done.Load() {
					if _, err := rd.Borrow(&f); err != nil {
						rd.Store(rd.Position())
						runtime.Gosched()
					} else {
						rd.Release(rd.Position())
					}
				}
				rd.Close()
			})
			for range often(50, 2000) {
				for {
					err := big.Claim(most)
					if err == nil {
						break
					}
					if !held(err) {
						t.Error(err)
						break
					}
					big.TakeTurn()
					runtime.Gosched()
				}
				if big.PassTurn() && wr.control.turn.Load() == big.index+1 {
					t.Error("the turn was not passed on")
				}
				big.Commit(most, KindRaw, 0)
			}
			done.Store(true)
			wg.Wait()
		})
	})
}

// TestEverybodySeesTheRemoval: the topic is removed while writers and readers of all modes run.
func TestEverybodySeesTheRemoval(t *testing.T) {
	for round := range often(20, 1000) {
		for _, m := range memories() {
			wr, rr := m.open(t, Geometry{Slots: 16, Policy: PolicyLossless})
			most := wr.Geometry().MaxFrame()
			modes := []Mode{Gate, Gate, Lossy, Tap}
			if raceEnabled {
				modes = []Mode{Gate, Gate}
			}
			inTime(t, limit, "seeing the removal", func() {
				var wg sync.WaitGroup
				for range 3 {
					w := mustWriter(t, wr, 1)
					wg.Go(func() {
						if err := flood(w, 1, 1<<62, most, nil); !errors.Is(err, ErrRemoved) {
							t.Errorf("a writer ended with %v", err)
						}
						w.Close()
					})
				}
				for _, mode := range modes {
					rd := mustReader(t, rr, mode, Newest(), 1)
					wg.Go(func() {
						var err error
						if mode == Gate {
							err = newReading().borrow(rd, 1<<62, most)
						} else {
							err = newReading().copy(rd, new(atomic.Bool), most)
						}
						if !errors.Is(err, ErrRemoved) {
							t.Errorf("a reader of mode %d ended with %v", mode, err)
						}
						rd.Close()
					})
				}
				for wr.Tail() < uint64(round*7) {
					runtime.Gosched()
				}
				if !wr.Remove() {
					t.Error("it was removed before")
				}
				wg.Wait()
			})
			if !wr.Unused() {
				t.Fatal("a removed topic that everybody has left is still in use")
			}
		}
	}
}
