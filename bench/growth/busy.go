//go:build linux

package growth

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"shmbus/internal/bench"
)

// Busy is what else a process does while it receives.
type Busy string

// What else there is to do.
const (
	Quiet   Busy = ""        // nothing
	Garbage Busy = "garbage" // allocate steadily, so that garbage is collected every few milliseconds
	Work    Busy = "work"    // that, and a goroutine that computes
)

const (
	each   = 64                     // bytes in a piece of garbage
	pieces = 1 << 13                // of it between two pauses
	pause  = time.Millisecond       // between them
	keep   = 2 * pieces             // as much of it is alive
	often  = 50                     // percent of what is alive, until garbage is collected
	enough = 100 * time.Microsecond // of computing, between two looks whether it is to end
)

// A piece is garbage that the collector has to look into.
type piece struct {
	next *piece
	_    [each - 8]byte
}

// begin begins it, and gives what ends it and says what it was.
func (b Busy) begin() (end func(f bench.Figures)) {
	var stop atomic.Bool
	var wait sync.WaitGroup
	percent := 100
	if b != Quiet {
		percent = debug.SetGCPercent(often)
		wait.Go(func() { litter(&stop) })
	}
	if b == Work {
		wait.Go(func() { compute(&stop) })
	}
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	return func(f bench.Figures) {
		var after runtime.MemStats
		runtime.ReadMemStats(&after)
		stop.Store(true)
		wait.Wait()
		debug.SetGCPercent(percent)
		f["collections"] = float64(after.NumGC - before.NumGC)
	}
}

// litter allocates, keeps the newest pieces, and pauses.
func litter(stop *atomic.Bool) {
	kept, i := make([]*piece, keep), 0
	for !stop.Load() {
		for range pieces {
			kept[i%keep] = &piece{next: kept[(i+keep/2)%keep]}
			if i++; i%keep == 0 {
				for _, p := range kept {
					p.next = nil // no chain lives on
				}
			}
		}
		time.Sleep(pause)
	}
}

// sink keeps the compiler from leaving out what nobody wants.
var sink atomic.Uint64

func compute(stop *atomic.Bool) {
	for x := uint64(1); !stop.Load(); {
		for start := time.Now(); time.Since(start) < enough; {
			for range 1000 {
				x = x*6364136223846793005 + 1442695040888963407
			}
		}
		sink.Store(x)
	}
}
