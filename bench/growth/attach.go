//go:build linux

package growth

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"shmbus/bus"
	"shmbus/internal/bench"
)

// AttachArgs are those of Attach: the process, which must be a new one, comes to a bus that has these topics.
//
// Figures: attach, ns from opening the bus to the first subscription; subscribe and publisher, ns for one on each topic; what these took of
// memory that only this process has, bytes a topic: subscription and publication; shared, of the topic's part of the file beyond its ring; and make, ns to make one topic more.
type AttachArgs struct {
	Topics []string
}

// another is the topic that is made beside the others.
const another = "one/more"

func attach(p bench.Place, a AttachArgs) (bench.Part, error) {
	return &part{act: func(uint64) (bench.Figures, error) {
		start := time.Now()
		b, err := bus.Open(p.Bus.Dir())
		if err != nil {
			return nil, err
		}
		defer b.Close()
		ctx := context.Background()
		if _, err := b.Subscribe(ctx, a.Topics[len(a.Topics)/2], bus.Lossless()); err != nil {
			return nil, err
		}
		f := bench.Figures{"attach": float64(time.Since(start))}
		open := make([]any, 0, 2*len(a.Topics))
		err = a.each(f, "subscribe", "subscription", func(name string) error {
			s, err := b.Subscribe(ctx, name, bus.Lossless())
			open = append(open, s)
			return err
		})
		if err != nil {
			return nil, err
		}
		err = a.each(f, "publisher", "publication", func(name string) error {
			p, err := b.Publisher(name, bus.WithTopic(smallRing))
			open = append(open, p)
			return err
		})
		if err != nil {
			return nil, err
		}
		i, err := b.Stat(a.Topics[0])
		if err != nil {
			return nil, err
		}
		f["shared"] = float64(i.Memory - int64(i.Slots)*int64(i.CellSize+64))
		runtime.KeepAlive(open)
		start = time.Now()
		if err := b.CreateTopic(another, smallRing); err != nil {
			return nil, err
		}
		f["make"] = float64(time.Since(start))
		return f, b.RemoveTopic(another)
	}}, nil
}

// each opens something on each topic, and says what that took.
func (a AttachArgs) each(f bench.Figures, took, memory string, open func(name string) error) error {
	before, err := settled()
	if err != nil {
		return err
	}
	start, n := time.Now(), float64(len(a.Topics))
	for _, name := range a.Topics {
		if err := open(name); err != nil {
			return err
		}
	}
	f[took] = float64(time.Since(start)) / n
	after, err := settled()
	f[memory] = max(0, float64(after-before)) / n
	return err
}

// settled is the process's private memory without what the garbage collector can give back.
func settled() (int64, error) {
	debug.FreeOSMemory()
	return private()
}

// MakeTopics makes topics for Attach.
func MakeTopics(b *bus.Bus, names []string) error {
	for _, name := range names {
		if err := b.CreateTopic(name, smallRing); err != nil {
			return err
		}
	}
	return nil
}
