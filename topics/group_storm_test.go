package topics

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestGroupsWhileEverythingHappens: members of two groups come, go, leave frames in hand and die, beside a gate, while publishers publish.
// Each frame is handed out to each group at least once; exactly once where nobody dies.
func TestGroupsWhileEverythingHappens(t *testing.T) {
	for _, deaths := range []bool{false, true} {
		t.Run(fmt.Sprintf("deaths=%v", deaths), func(t *testing.T) {
			overBoth(t, func(t *testing.T, m memory) { groupStorm(t, m, deaths) })
		})
	}
}

func groupStorm(t *testing.T, mem memory, deaths bool) {
	frames := uint64(often(4000, 60000))
	const publishers, members = 2, 3
	wr, rr := mem.open(t, Geometry{Slots: 16, Policy: PolicyLossless, Subscriptions: 24})
	var nextOwner atomic.Uint64
	var deadMu sync.Mutex
	dead := make(map[uint64]bool)
	for i, r := range []*Ring{wr, rr} {
		r.Alive = func(o uint64) bool {
			deadMu.Lock()
			defer deadMu.Unlock()
			return !dead[o]
		}
		r.Self = self + uint64(i)
	}
	nextOwner.Store(10000)

	groups := []string{"a", "b"}
	seen := make([][]atomic.Uint32, len(groups)) // by publisher and sequence
	for i := range seen {
		seen[i] = make([]atomic.Uint32, publishers*frames)
	}
	var left [2]atomic.Int64
	var again, died atomic.Uint64
	var keepers []*Reader // so that no group ends
	for i, g := range groups {
		left[i].Store(int64(publishers * frames))
		keepers = append(keepers, mustMember(t, rr, g, Oldest(), 1))
	}
	gate := mustReader(t, rr, Gate, Oldest(), 1)
	inTime(t, limit, "the storm", func() {
		var wg sync.WaitGroup
		for p := range uint64(publishers) {
			w := mustWriter(t, wr, 2)
			wg.Go(func() {
				for s := uint64(1); s <= frames; s++ {
					n := sizeOf(p, s, 150)
					if err := claimOrReap(w, n); err != nil {
						t.Error(err)
						return
					}
					fill(w.Payload(n), w.ID(), s)
					w.Commit(n, KindRaw, 0)
				}
			})
		}
		wg.Go(func() {
			var f Frame
			var scratch []byte
			for got := uint64(0); got < publishers*frames; {
				b, err := gate.Borrow(&f)
				if errors.Is(err, ErrEmpty) {
					gate.Store(gate.Position())
					runtime.Gosched()
					continue
				}
				if err == nil {
					err = intact(b, f.Publisher(), f.Sequence(), &scratch)
				}
				if err != nil {
					t.Error(err)
					return
				}
				got++
				gate.Release(gate.Position())
			}
		})
		work := func(g, who int, m *Reader, keeper bool) {
			var f Frame
			var scratch []byte
			var last uint64
			for n := 0; left[g].Load() > 0; n++ {
				b, err := m.Take(&f, n%8 == 0)
				if errors.Is(err, ErrEmpty) {
					runtime.Gosched()
					continue
				}
				if err == nil {
					err = intact(b, f.Publisher(), f.Sequence(), &scratch)
				}
				if err != nil {
					t.Error(err)
					return
				}
				if f.Attempt == 1 {
					if f.Position < last {
						t.Errorf("a member got position %d after %d", f.Position, last)
						return
					}
					last = f.Position
				} else {
					again.Add(1)
				}
				fate := mix(uint64(who), uint64(n)) % 64
				if !keeper && deaths && fate < 4 { // before it is done with the frame
					o := m.line.owner.Load()
					if fate == 0 {
						m.Close()
					} else {
						deadMu.Lock()
						dead[o] = true
						deadMu.Unlock()
						died.Add(1)
					}
					m = nil
				} else {
					if seen[g][(f.Publisher()-1)*frames+f.Sequence()-1].Add(1) == 1 {
						left[g].Add(-1)
					}
					if fate == 5 {
						runtime.Gosched()
					}
					m.Ack()
					if !keeper && fate == 6 {
						m.Close()
						m = nil
					}
				}
				for m == nil {
					var err error
					m, err = rr.NewMember(groups[g], Newest(), nextOwner.Add(1))
					if err != nil && !errors.Is(err, ErrGroupBusy) && !errors.Is(err, ErrNoLine) {
						t.Error(err)
						return
					}
					if err != nil {
						m = nil
						runtime.Gosched()
					}
					last = 0
				}
			}
			m.Close()
		}
		for g := range groups {
			wg.Go(func() { work(g, 100+g, keepers[g], true) })
			for i := range members {
				m := mustMember(t, rr, groups[g], Newest(), nextOwner.Add(1))
				wg.Go(func() { work(g, g*members+i, m, false) })
			}
		}
		wg.Wait()
	})
	for g := range seen {
		for i := range seen[g] {
			if n := seen[g][i].Load(); n == 0 || n > 1 && !deaths {
				t.Fatalf("group %s got frame %d %d times", groups[g], i, n)
			}
		}
	}
	t.Logf("%d frames, %d deaths, %d handed out again", publishers*frames, died.Load(), again.Load())
	if deaths && (died.Load() == 0 || again.Load() == 0) {
		t.Error("nobody died with a frame in hand, or none was handed out again: nothing was tested")
	}
	if g, m := rr.Groups(), rr.Gates(); len(g) != 0 || len(m) != 1 {
		t.Errorf("left over are %d groups and the subscriptions %+v", len(g), m)
	}
}

// claimOrReap claims, and reaps what holds it up.
func claimOrReap(w *Writer, n int) error {
	for {
		err := w.Claim(n)
		if errors.Is(err, ErrHeldByGate) {
			w.ring.ReapGate(w.HeldGate())
		}
		if !held(err) {
			return err
		}
		runtime.Gosched()
	}
}
