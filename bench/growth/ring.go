//go:build linux

package growth

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/bus"
	"shmbus/internal/bench"
)

// RingArgs are those of Alone, Bare and Make.
//
// Alone publishes with nobody there. Bare stores what a frame must have, a line of payload and a line that says that it is there, in memory
// that is as large as such a ring, and nothing else. Their time is that of the run.
//
// Figures of Make: make, ns to make a topic; attach, ns to open a publisher on it by another handle; remove, ns to remove it; reserve, ns that the
// kernel takes to reserve a file as large as the ring, and to map and unmap it.
type RingArgs struct {
	Slots int
}

// Topic is one with such a ring. Frames carry no time.
func (a RingArgs) Topic() bus.TopicOptions {
	return bus.TopicOptions{Slots: a.Slots, Policy: bus.PolicyLossless, NoTime: true}
}

func alone(p bench.Place, a RingArgs) (bench.Part, error) {
	me := new(part)
	pub, err := me.publisher(p.Bus, p.Topic, a.Topic())
	s := &sender{pub: pub}
	me.act = func(n uint64) (bench.Figures, error) { return nil, s.count(context.Background(), n) }
	return me, err
}

func bare(p bench.Place, a RingArgs) (bench.Part, error) {
	l, unmap, err := openLines(p, p.Topic, a.Slots)
	if err != nil {
		return nil, err
	}
	me := &part{closers: []func(){unmap}}
	me.act = func(n uint64) (bench.Figures, error) {
		for range n {
			l.put(n)
		}
		return nil, nil
	}
	return me, nil
}

// reserve reserves a file of that size beside the bus, maps it once with all its pages, and removes it.
func reserve(p bench.Place, size int64) (ns float64, err error) {
	f, err := os.CreateTemp(filepath.Dir(p.Bus.Dir()), "reserve-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	start := time.Now()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, size); err != nil {
		return 0, err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return 0, err
	}
	err = unix.Munmap(m)
	return float64(time.Since(start)), err
}

func makeRing(p bench.Place, a RingArgs) (bench.Part, error) {
	return &part{act: func(uint64) (bench.Figures, error) {
		start := time.Now()
		if err := p.Bus.CreateTopic(p.Topic, a.Topic()); err != nil {
			return nil, err
		}
		f := bench.Figures{"make": float64(time.Since(start))}
		b, err := bus.Open(p.Bus.Dir())
		if err != nil {
			return nil, err
		}
		defer b.Close()
		start = time.Now()
		pub, err := b.Publisher(p.Topic, bus.WithTopic(a.Topic()))
		if err != nil {
			return nil, err
		}
		f["attach"] = float64(time.Since(start))
		s := &sender{pub: pub}
		if err := s.count(context.Background(), 1); err != nil {
			return nil, err
		}
		if i, err := b.Stat(p.Topic); err != nil || i.Frames != 1 || i.Slots != a.Slots {
			return nil, fmt.Errorf("the new topic has %d slots and %d frames: %w", i.Slots, i.Frames, err)
		}
		start = time.Now()
		if err := pub.Close(); err != nil {
			return nil, err
		}
		if err := p.Bus.RemoveTopic(p.Topic); err != nil {
			return nil, err
		}
		f["remove"] = float64(time.Since(start))
		f["reserve"], err = reserve(p, int64(a.Slots)*2*64)
		return f, err
	}}, nil
}
