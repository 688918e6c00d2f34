//go:build linux

package growth

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"shmbus/bus"
	"shmbus/internal/bench"
	"shmbus/internal/mem"
)

// CallsArgs are those of Calls: frames of so many bytes, one a call, that one thread publishes with nobody there, or that it publishes and then
// receives, of which only the receiving counts. Bare is a copy of each to its place in memory that is as large, and a store that says so.
//
// Figures: ns, a frame; allocations, of the whole process, a frame.
type CallsArgs struct {
	Size    int  // a power of two
	Time    bool // the frames carry theirs
	Receive bool
	Bare    bool
}

// slots are those of the rings here, as topics have by default: a frame takes one for each cell of 64 bytes.
const slots = 8192

// room is how many frames a ring has room for.
func (a CallsArgs) room() int { return slots / max(1, (a.Size+63)/64) }

func calls(p bench.Place, a CallsArgs) (bench.Part, error) {
	me, ctx := new(part), context.Background()
	if a.Bare {
		me.measure(a.bare())
		return me, nil
	}
	o := bus.TopicOptions{NoTime: !a.Time, Policy: bus.PolicyLossless}
	pub, err := me.publisher(p.Bus, p.Topic, o)
	if err != nil {
		return me, err
	}
	frame := make([]byte, a.Size)
	bench.Touch(frame)
	publish := func(n uint64) (time.Duration, error) {
		start := time.Now()
		for range n {
			if err := pub.Publish(ctx, frame); err != nil {
				return 0, err
			}
		}
		return time.Since(start), nil
	}
	if !a.Receive {
		me.measure(publish)
		return me, nil
	}
	sub, err := me.subscribe(p.Bus, p.Topic, o, bus.Lossless())
	if err != nil {
		return me, err
	}
	waiting := uint64(a.room() / 8) // with more a subscriber may be a slow one
	next := uint64(1)
	me.measure(func(n uint64) (took time.Duration, err error) {
		for left := n; left > 0; {
			some := min(left, waiting)
			left -= some
			if _, err := publish(some); err != nil {
				return 0, err
			}
			start := time.Now()
			for range some {
				f, err := sub.Receive(ctx)
				if err != nil {
					return 0, err
				}
				if f.Sequence() != next || len(f.Bytes()) != a.Size {
					return 0, fmt.Errorf("frame %d, %d bytes, has come where frame %d should", f.Sequence(), len(f.Bytes()), next)
				}
				f.Release()
				next++
			}
			took += time.Since(start)
		}
		return took, nil
	})
	return me, nil
}

// measure makes the part do this.
func (me *part) measure(do func(n uint64) (time.Duration, error)) {
	me.act = func(n uint64) (bench.Figures, error) {
		before := mallocs()
		took, err := do(n)
		return bench.Figures{"ns": float64(took) / float64(n), "allocations": float64(mallocs()-before) / float64(n)}, err
	}
}

// bare is what a call has to do at least.
func (a CallsArgs) bare() func(n uint64) (time.Duration, error) {
	room := uint64(a.room())
	stamps, cells, frame, i := make([][8]mem.Word, room), make([]byte, room*uint64(a.Size)), make([]byte, a.Size), uint64(0)
	bench.Touch(cells)
	bench.Touch(frame)
	return func(n uint64) (time.Duration, error) {
		start := time.Now()
		for range n {
			at := i & (room - 1)
			i++
			copy(cells[at*uint64(a.Size):], frame)
			stamps[at][0].StoreRelease(i)
		}
		return time.Since(start), nil
	}
}

// mallocs is how many objects this process has allocated so far.
func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
