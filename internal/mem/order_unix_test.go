//go:build unix && !shmbus_sched

package mem

import (
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestALaterLoadDoesNotPassAStore has two goroutines store a word each and then load the other's: one of them at least sees what was stored. All sleeping
// and waking stands on that. A mapping is not the same as Go's own memory here: the race detector does not know it.
func TestALaterLoadDoesNotPassAStore(t *testing.T) {
	if os.Getenv("SHMBUS_TEST_RUNNER") != "" {
		t.Skip("an emulator runs the code of arm64, and not its memory order")
	}
	mapping, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(mapping) }()
	for _, memory := range []struct {
		name  string
		bytes []byte
	}{{"heap", Aligned(4096, 4096)}, {"mapping", mapping}} {
		for _, by := range []struct {
			name  string
			store func(w *Word, f *Fence, x uint64)
		}{
			{"Store", func(w *Word, _ *Fence, x uint64) { w.Store(x) }},
			{"StoreRelease and StoreLoad", func(w *Word, f *Fence, x uint64) { w.StoreRelease(x); f.StoreLoad() }},
		} {
			t.Run(memory.name+"/"+by.name, func(t *testing.T) {
				clear(memory.bytes)
				words, err := View[Word](memory.bytes, 0, 32)
				if err != nil {
					t.Fatal(err)
				}
				const rounds = 200_000
				a, b := &words[0], &words[8]
				ready := [2]*Word{&words[16], &words[24]}
				var saw [2][]uint64
				var all sync.WaitGroup
				for i, w := range [][2]*Word{{a, b}, {b, a}} {
					saw[i] = make([]uint64, rounds+1)
					all.Go(func() {
						var f Fence
						for r := uint64(1); r <= rounds; r++ {
							ready[i].Add(1)
							for looks := 0; ready[1-i].Load() < r; looks++ { // both begin the round together
								if looks%1000 == 999 {
									runtime.Gosched()
								}
							}
							by.store(w[0], &f, r)
							saw[i][r] = w[1].Load()
						}
					})
				}
				all.Wait()
				for r := uint64(1); r <= rounds; r++ {
					if saw[0][r] < r && saw[1][r] < r {
						t.Fatalf("round %d: neither saw the other's store, but %d and %d", r, saw[0][r], saw[1][r])
					}
				}
			})
		}
	}
}
