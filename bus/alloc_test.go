//go:build !race && !invariants

package bus_test

import (
	"context"
	"testing"

	"shmbus/bus"
)

type tick struct {
	Symbol string
	Price  float64
	Size   int
	Levels [4]int64
	Raw    []byte
}

func TestNothingIsAllocatedForAFrame(t *testing.T) {
	b := newBus(t)
	ctx := context.Background()
	p := publisher(t, b, "t", losslessRing(1024))
	gate := subscribe(t, b, "t", bus.Lossless())
	lossy := subscribe(t, b, "t")
	tap := subscribe(t, b, "t", bus.ReadOnly())
	frame, large := make([]byte, 64), make([]byte, 2000)
	batch := [][]byte{frame, large, nil, frame}
	var many bus.Batch
	v := &tick{Symbol: "ABC", Price: 1.5, Size: 100, Raw: frame}
	err := error(nil)
	keep := func(e error) {
		if e != nil {
			err = e
		}
	}
	receive := func(s *bus.Subscriber) {
		for {
			f, e := s.TryReceive()
			keep(e)
			if f == nil {
				return
			}
			f.Release()
		}
	}
	one := func(s *bus.Subscriber) {
		f, e := s.Receive(ctx)
		keep(e)
		f.Release()
	}
	all := func() { receive(gate); receive(lossy); receive(tap) }
	for _, c := range []struct {
		name string
		call func()
	}{
		{"Publish", func() { keep(p.Publish(ctx, frame)); all() }},
		{"Publish of what is on the stack", func() {
			var b [64]byte
			keep(p.Publish(ctx, b[:]))
			keep(p.TryPublish(b[:]))
			all()
		}},
		{"Publish of 2000 bytes", func() { keep(p.Publish(ctx, large)); all() }},
		{"TryPublish", func() { keep(p.TryPublish(frame)); all() }},
		{"PublishBatch", func() { _, e := p.PublishBatch(ctx, batch); keep(e); all() }},
		{"Loan", func() {
			l, e := p.Loan(ctx, 100)
			keep(e)
			keep(l.CommitN(50))
			l.Abort()
			all()
		}},
		{"Encode", func() { keep(p.Encode(ctx, v)); all() }},
		{"Receive", func() { keep(p.Publish(ctx, frame)); one(gate); one(lossy); one(tap) }},
		{"ReceiveBatch", func() {
			keep(p.Publish(ctx, frame))
			keep(p.Publish(ctx, frame))
			for _, s := range []*bus.Subscriber{gate, lossy, tap} {
				keep(s.ReceiveBatch(ctx, &many))
				many.Release()
			}
		}},
		{"Lost", func() { _ = lossy.Lost(); _ = gate.Stats() }},
	} {
		all()
		if n := testing.AllocsPerRun(2000, c.call); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
	const frames = 500
	for name, s := range map[string]*bus.Subscriber{"gate": gate, "lossy": lossy, "tap": tap} {
		n := testing.AllocsPerRun(20, func() {
			all()
			for range frames {
				keep(p.Publish(ctx, frame))
			}
			got := 0
			for _, e := range s.Frames(ctx) {
				keep(e)
				if got++; got == frames {
					break
				}
			}
		})
		if n > 8 { // the loop itself may cost something, a frame nothing
			t.Errorf("Frames, %s: %v allocations for %d frames", name, n, frames)
		}
	}
	noError(t, err)
}

func TestNothingIsAllocatedForAFrameThatIsWaitedFor(t *testing.T) {
	b := newBus(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	there, back := publisher(t, b, "there"), publisher(t, b, "back")
	in, out := subscribe(t, b, "there", bus.Block()), subscribe(t, b, "back")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for f, err := range in.Frames(ctx) {
			if err != nil || back.Publish(ctx, f.Bytes()) != nil {
				return
			}
		}
	}()
	frame := make([]byte, 100)
	if n := testing.AllocsPerRun(1000, func() {
		if there.Publish(ctx, frame) != nil {
			t.Error("publishing failed")
		}
		f, err := out.Receive(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		f.Release()
	}); n != 0 {
		t.Errorf("%v allocations for a frame there and back", n)
	}
	cancel()
	<-ended
}
