package topics

import (
	"sync"
	"testing"
)

// A witness is a lock that looks, whenever it is let go of, whether a line has been left to the reaper.
type witness struct {
	sync.Mutex
	t     *testing.T
	r     *Ring
	count int
}

func (w *witness) Unlock() {
	w.count++
	for i := range w.r.writers {
		if w.r.writers[i].owner.Load() == self {
			w.t.Errorf("publisher line %d is left to the reaper", i)
		}
	}
	for i := range w.r.gates {
		if w.r.gates[i].owner.Load() == self {
			w.t.Errorf("subscription line %d is left to the reaper", i)
		}
	}
	w.Mutex.Unlock()
}

// TestALineIsReapedWhileTheMemoryIsKept: each kind of line, also where a reader reaps it by itself.
func TestALineIsReapedWhileTheMemoryIsKept(t *testing.T) {
	g := Geometry{Slots: 16, CellSize: 64, Policy: PolicyLossless, Publishers: 2, Subscriptions: 4}
	for name, reap := range map[string]func(t *testing.T, r *Ring) bool{
		"a publisher": func(t *testing.T, r *Ring) bool {
			mustClaim(t, mustWriter(t, r, dying), 64)
			return r.Recover(0)
		},
		"a publisher with the turn": func(t *testing.T, r *Ring) bool {
			mustWriter(t, r, dying).TakeTurn()
			return r.ReapTurn()
		},
		"a gate": func(t *testing.T, r *Ring) bool {
			return r.ReapGate(mustReader(t, r, Gate, Newest(), dying).Line())
		},
		"a line of nobody that bars the head": func(t *testing.T, r *Ring) bool {
			r.gates[0].state.Store(kindGate)
			return r.ReapGate(0)
		},
		"a group": func(t *testing.T, r *Ring) bool {
			m, err := r.NewMember("g", Newest(), dying)
			wantErr(t, err, nil)
			return r.ReapGate(m.Line()) || r.ReapGate(0) || r.ReapGate(1)
		},
		"a member whose frame another adopts": func(t *testing.T, r *Ring) bool {
			m, err := r.NewMember("g", Newest(), dying)
			wantErr(t, err, nil)
			heir, err := r.NewMember("g", Newest(), living)
			wantErr(t, err, nil)
			mustSend(t, mustWriter(t, r, living), "frame")
			var f Frame
			_, err = m.Take(&f, false)
			wantErr(t, err, nil)
			_, err = heir.Take(&f, true)
			wantErr(t, err, nil)
			return f.Attempt == 2
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, kill := mortal(t, g)
			w := &witness{t: t, r: r}
			r.Kept = w
			kill(dying)
			if !reap(t, r) {
				t.Error("nothing was reaped")
			}
			if w.count == 0 {
				t.Error("nobody kept the memory in place")
			}
		})
	}
}
