package bus_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"shmbus/bus"
)

// done is a context that has been cancelled.
func done() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestTheGateFollowsTheOldestFrameHeld(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	s := subscribe(t, b, "t", bus.Lossless())
	var held []*bus.Frame
	for i := range 8 {
		noError(t, p.TryPublish([]byte{byte(i)}))
		held = append(held, receive(t, s))
	}
	is(t, p.TryPublish(nil), bus.ErrBackpressure)
	for _, i := range []int{7, 3, 1, 2} {
		held[i].Release()
		nothing(t, s) // tells the publishers where the gate is
		is(t, p.TryPublish(nil), bus.ErrBackpressure)
	}
	for i, f := range held {
		if slices.Contains([]int{1, 2, 3, 7}, i) {
			continue
		}
		if f.Bytes()[0] != byte(i) {
			t.Errorf("frame %d is %d while it is held", i, f.Bytes()[0])
		}
	}
	held[0].Release() // and 1 to 3 with it
	for i := range 4 {
		if err := p.TryPublish([]byte{byte(10 + i)}); err != nil {
			t.Fatalf("after 4 frames were released frame %d: %v", i, err)
		}
	}
	is(t, p.TryPublish(nil), bus.ErrBackpressure)
	for _, i := range []int{6, 5, 4} {
		if held[i].Bytes()[0] != byte(i) {
			t.Errorf("frame %d is %d while it is held", i, held[i].Bytes()[0])
		}
		held[i].Release()
	}
	expect(t, s, "\x0a", "\x0b", "\x0c", "\x0d")
}

func TestFramesReleasedInAnyOrderStayWhole(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(16))
	s := subscribe(t, b, "t", bus.Lossless())
	rnd := rand.New(rand.NewPCG(1, 2))
	var held []*bus.Frame
	want := map[*bus.Frame]string{}
	sent, got := 0, 0
	for got < 5000 {
		if p.TryPublish(fmt.Append(nil, "frame ", sent)) == nil {
			sent++
		}
		if f, err := s.TryReceive(); f != nil {
			held = append(held, f)
			want[f] = fmt.Sprint("frame ", got)
			got++
		} else {
			noError(t, err)
		}
		for len(held) > rnd.IntN(14) {
			i := rnd.IntN(len(held))
			f := held[i]
			if string(f.Bytes()) != want[f] {
				t.Fatalf("a frame held is %q, was %q", f.Bytes(), want[f])
			}
			f.Release()
			held = slices.Delete(held, i, i+1)
		}
	}
	if st := s.Stats(); st.Received != uint64(got) || st.Lost != 0 {
		t.Errorf("stats %+v after %d frames", st, got)
	}
}

func TestTheIteratorReleasesEachFrame(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(4))
	s := subscribe(t, b, "t", bus.Lossless())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := range 100 {
			if p.Publish(soon(t), fmt.Append(nil, i)) != nil {
				return
			}
		}
	}()
	n := 0
	for f, err := range s.Frames(soon(t)) {
		noError(t, err)
		if string(f.Bytes()) != fmt.Sprint(n) {
			t.Fatalf("frame %d is %q", n, f.Bytes())
		}
		if n%3 == 0 {
			f.Release()
		}
		if n++; n == 100 {
			break
		}
	}
	<-ended
	nothing(t, s)
	for range 4 { // the last frame was released on the way out
		noError(t, p.TryPublish(nil))
	}
	for range 4 {
		receive(t, s).Release()
	}
	for f, err := range s.Frames(done()) {
		if f != nil {
			t.Error("a frame with a context that is done")
		}
		is(t, err, context.Canceled, `"t"`)
	}
}

func TestTheIteratorLeavesAFrameAloneThatTheLoopReceivedItself(t *testing.T) {
	for _, mode := range []bus.SubscribeOption{bus.Lossy(), bus.Lossless()} {
		b := newBus(t)
		p := publisher(t, b, "t", losslessRing(8))
		s := subscribe(t, b, "t", mode)
		publish(t, p, "a", "b", "c")
		var kept *bus.Frame
		for f, err := range s.Frames(soon(t)) {
			noError(t, err)
			if kept != nil {
				if string(kept.Bytes()) != "b" {
					t.Errorf("the frame kept is %q, was b", kept.Bytes())
				}
				kept.Release()
				break
			}
			f.Release()
			if kept, err = s.TryReceive(); kept == nil {
				t.Fatalf("no frame: %v", err)
			}
		}
	}
}

func TestAFrameHeldStaysWhenItsTopicIsRemoved(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	s := subscribe(t, b, "t", bus.Lossless(), bus.WaitForTopic())
	publish(t, p, "one", "two")
	one, two := receive(t, s), receive(t, s)
	noError(t, b.RemoveTopic("t"))
	noError(t, p.Close())
	q := publisher(t, b, "t", losslessRing(8))
	publish(t, q, "three")
	three := receive(t, s) // has gone to the new topic for it
	for range 3 {
		noError(t, b.CreateTopic("other", bus.TopicOptions{})) // gives back what nobody uses
		noError(t, b.RemoveTopic("other"))
	}
	if string(one.Bytes()) != "one" || string(two.Bytes()) != "two" || string(three.Bytes()) != "three" {
		t.Errorf("the frames held are %q, %q and %q", one.Bytes(), two.Bytes(), three.Bytes())
	}
	maps := mappings(t, "")
	two.Release()
	one.Release()
	if n := mappings(t, ""); n >= maps {
		t.Errorf("%d mappings before the frames of the removed topic were released, %d after", maps, n)
	}
	three.Release()
	publish(t, q, "four")
	expect(t, s, "four")
}

func TestAPublisherGoesOnWhenItsLastSubscriberLeaves(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	s := subscribe(t, b, "t", bus.Lossless())
	result := make(chan error, 1)
	go func() {
		_, err := p.PublishBatch(soon(t), make([][]byte, 50))
		result <- err
	}()
	f := receive(t, s)
	noError(t, s.Close())
	f.Release() // after Close it does nothing
	noError(t, <-result)
}

func TestTheIteratorEndsWithItsContextWhileFramesAreThere(t *testing.T) {
	for name, mode := range map[string]bus.SubscribeOption{"lossy": bus.Lossy(), "lossless": bus.Lossless(), "group": bus.Group("g"), "tap": bus.ReadOnly()} {
		b := newBus(t)
		p := publisher(t, b, "t", lossless)
		s := subscribe(t, b, "t", mode)
		for i := range 10 {
			publish(t, p, fmt.Sprint(i))
		}
		ctx, cancel := context.WithCancel(context.Background())
		n := 0
		for f, err := range s.Frames(ctx) {
			if f == nil {
				is(t, err, context.Canceled, `"t"`)
				break
			}
			if n++; n == 3 {
				cancel()
			}
		}
		cancel()
		if n != 3 {
			t.Errorf("%s: %d frames, want the 3 before the context's end", name, n)
		}
		expect(t, s, "3", "4") // nothing is lost by it
	}
}

// A tellingContext counts those who want to be told of its end.
type tellingContext struct {
	context.Context
	told, left int
}

// Value hides what the context within is, so that package context asks this one.
func (c *tellingContext) Value(any) any { return nil }

func (c *tellingContext) AfterFunc(f func()) (stop func() bool) {
	c.told++
	inner := context.AfterFunc(c.Context, f)
	return func() bool {
		c.left++
		return inner()
	}
}

// TestALongLoopIsToldOfItsContext: it does not ask each time.
func TestALongLoopIsToldOfItsContext(t *testing.T) {
	const frames = 4000
	b := newBus(t)
	p := publisher(t, b, "t")
	for _, ending := range []string{"by its context", "by break"} {
		s := subscribe(t, b, "t")
		for range frames {
			publish(t, p, "frame")
		}
		inner, cancel := context.WithCancel(context.Background())
		ctx := &tellingContext{Context: inner}
		n := 0
		for f, err := range s.Frames(ctx) {
			if f == nil {
				is(t, err, context.Canceled, `"t"`)
				break
			}
			if n++; n < 100 {
				continue
			}
			if ending == "by break" {
				break
			}
			cancel()
			pause(100 * time.Microsecond)
		}
		cancel()
		if n == frames || ctx.told != 1 || ending == "by break" && ctx.left != 1 {
			t.Errorf("%s: %d frames, told %d times, left %d times", ending, n, ctx.told, ctx.left)
		}
		noError(t, s.Close())
	}
}
