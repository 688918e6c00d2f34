package main

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"runtime"
	"time"

	"shmbus/bus"
)

const (
	topicRaw     = "camera/raw"
	topicBlurred = "camera/blurred"
)

// stages are the four processes. Each has a bus handle of its own.
var stages = map[string]func(context.Context, *bus.Bus, options) error{
	"camera": camera, "blur": blur, "sink": sink, "display": display,
}

// camera takes pictures, right into the ring.
func camera(ctx context.Context, b *bus.Bus, o options) error {
	p, err := b.Publisher(topicRaw)
	if err != nil {
		return err
	}
	defer p.Close()
	// A lossless topic holds pictures for the subscriptions it has. So let them come first.
	for _, topic := range []string{topicRaw, topicBlurred} {
		if err := awaitSubscriber(ctx, b, topic); err != nil {
			return err
		}
	}
	for i := range o.frames {
		if err := take(ctx, p, uint64(i), o.width, o.height); err != nil {
			return err
		}
	}
	return nil
}

// take publishes one picture in place.
func take(ctx context.Context, p *bus.Publisher, number uint64, width, height int) error {
	// An eighth of the ring, as much as makeTopics has counted for a picture. What is not filled is given up by CommitN.
	loan, err := p.Loan(ctx, p.MaxFrame()/4)
	if err != nil {
		return err
	}
	defer loan.Abort() // does nothing after CommitN
	compose(loan.Bytes(), number, time.Now(), width, height).draw()
	return loan.CommitN(pictureBytes(width, height))
}

// blur reads pictures in one ring and writes them, filtered, into another.
func blur(ctx context.Context, b *bus.Bus, o options) error {
	in, err := b.Subscribe(ctx, topicRaw, bus.Lossless())
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := b.Publisher(topicBlurred)
	if err != nil {
		return err
	}
	defer out.Close()

	heap := heapNow()
	done := 0
	for f, err := range in.Frames(ctx) {
		if err != nil {
			return err
		}
		if err := filter(ctx, f, out); err != nil {
			return err
		}
		if done++; done == o.frames {
			break
		}
	}
	fmt.Printf("blur:    %d pictures from ring to ring, %d bytes of heap a picture\n", done, (heapNow()-heap)/uint64(done))
	return nil
}

// filter blurs one frame. Both ends are ring memory: f is released after it returns, the loan is committed here.
func filter(ctx context.Context, f *bus.Frame, out *bus.Publisher) error {
	p, err := view(f.Bytes())
	if err != nil {
		return err
	}
	loan, err := out.Loan(ctx, len(f.Bytes()))
	if err != nil {
		return err
	}
	defer loan.Abort()
	p.blurInto(compose(loan.Bytes(), p.number, p.taken, p.width, p.height))
	return loan.Commit()
}

// sink measures every picture, and checks that none is missing.
func sink(ctx context.Context, b *bus.Bus, o options) error {
	s, err := b.Subscribe(ctx, topicBlurred, bus.Lossless())
	if err != nil {
		return err
	}
	defer s.Close()

	heap := heapNow()
	var first time.Time
	var delay time.Duration
	var brightness float64
	size := 0
	n := uint64(0)
	for f, err := range s.Frames(ctx) {
		if err != nil {
			return err
		}
		p, err := view(f.Bytes())
		if err != nil {
			return err
		}
		if p.number != n {
			return fmt.Errorf("picture %d came where %d was to come", p.number, n)
		}
		if n++; n == 1 {
			first = p.taken
		}
		brightness += p.mean()
		delay += time.Since(p.taken)
		size = len(f.Bytes())
		if n == uint64(o.frames) {
			break
		}
	}
	took := time.Since(first)
	fmt.Printf("sink:    %d pictures, all in order, %d bytes of heap a picture, mean brightness %.1f\n",
		n, (heapNow()-heap)/n, brightness/float64(n))
	fmt.Printf("\n%.0f pictures of %.1f MB a second through three processes, %v from shutter to sink.\n"+
		"The bus copied none of them: the camera drew into the ring, and the others read there.\n",
		float64(n)/took.Seconds(), float64(size)/1e6, (delay / time.Duration(n)).Round(10*time.Microsecond))
	return nil
}

// display looks ten times a second, from outside: it may only read, nobody waits for it, and it is told how much it missed.
func display(ctx context.Context, b *bus.Bus, o options) error {
	s, err := b.Subscribe(ctx, topicBlurred, bus.ReadOnly(), bus.WaitForTopic())
	if err != nil {
		return err
	}
	defer s.Close()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	shown, last := 0, []byte(nil)
	for {
		f, err := s.Receive(ctx)
		if errors.Is(err, context.Canceled) { // the others are done
			break
		}
		if err != nil {
			return err
		}
		shown++
		last = append(last[:0], f.Bytes()...) // Bytes is valid until Release
		f.Release()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	fmt.Printf("display: %d pictures copied and shown, %d skipped\n", shown, s.Lost())
	if o.png == "" || shown == 0 {
		return nil
	}
	return writePNG(o.png, last)
}

func writePNG(path string, frame []byte) (err error) {
	p, err := view(frame)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return png.Encode(f, p.gray())
}

// awaitSubscriber waits until a topic has a subscription. Taps cannot be seen.
func awaitSubscriber(ctx context.Context, b *bus.Bus, topic string) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		st, err := b.Stat(topic)
		if err != nil || st.Subscribers > 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// heapNow is how many bytes this process has ever allocated on the heap.
func heapNow() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
