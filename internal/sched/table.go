//go:build shmbus_sched

package sched

// A table is the set of states seen, by their hashes, each with the largest budget it was gone into with. Two of some million states have
// the same hash with a probability of about one in a million; then one of them is left out.
type table struct {
	keys   []uint64
	budget []uint8
	used   int
}

func newTable() *table { return &table{keys: make([]uint64, 1<<12), budget: make([]uint8, 1<<12)} }

// enter says whether a state is to be gone into with that budget: it is new, or was seen with a smaller one only.
func (t *table) enter(key uint64, budget uint8) bool {
	if key == 0 {
		key = 1
	}
	m := uint64(len(t.keys) - 1)
	i := key & m
	for ; t.keys[i] != 0; i = (i + 1) & m {
		if t.keys[i] == key {
			if t.budget[i] >= budget {
				return false
			}
			t.budget[i] = budget
			return true
		}
	}
	t.keys[i], t.budget[i] = key, budget
	t.used++
	if t.used*2 > len(t.keys) {
		t.grow()
	}
	return true
}

func (t *table) grow() {
	keys, budget := t.keys, t.budget
	t.keys, t.budget = make([]uint64, 2*len(keys)), make([]uint8, 2*len(keys))
	m := uint64(len(t.keys) - 1)
	for j, key := range keys {
		if key == 0 {
			continue
		}
		i := key & m
		for t.keys[i] != 0 {
			i = (i + 1) & m
		}
		t.keys[i], t.budget[i] = key, budget[j]
	}
}
