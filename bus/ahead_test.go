package bus_test

import (
	"errors"
	"fmt"
	"testing"

	"shmbus/bus"
)

// Frames that a lossless subscription has read ahead are not received before somebody has them: not for its statistics, not for the publisher
// that waits for it, not for one that goes on where it was.
func TestWhatIsReadAheadIsNotReceived(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{Slots: 32, Policy: bus.PolicyLossless}))
	s := subscribe(t, b, "t", bus.Lossless())
	for i := range 32 {
		publish(t, p, fmt.Sprint(i))
	}
	for i := range 20 {
		if st := s.Stats(); st.Received != uint64(i) || st.Position != uint64(i) || st.Lag != uint64(32-i) {
			t.Fatalf("after %d frames: %+v", i, st)
		}
		f := receive(t, s)
		if string(f.Bytes()) != fmt.Sprint(i) || f.Position() != uint64(i) {
			t.Fatalf("frame %d: %q at %d", i, f.Bytes(), f.Position())
		}
		if i == 0 {
			if err := p.TryPublish([]byte("no room")); !errors.Is(err, bus.ErrBackpressure) {
				t.Fatalf("the first frame is held: %v", err)
			}
		}
		f.Release()
	}
	at := s.Stats().Position
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Received != 20 {
		t.Errorf("closed: %+v", st)
	}
	again := subscribe(t, b, "t", bus.Lossless(), bus.FromPosition(at))
	for i := 20; i < 32; i++ {
		f := receive(t, again)
		if string(f.Bytes()) != fmt.Sprint(i) {
			t.Fatalf("frame %d: %q", i, f.Bytes())
		}
		f.Release()
	}
}

// The frames that were read ahead when a subscription is kicked are the last it gets.
func TestAKickIsSeenAfterWhatWasReadAhead(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{Slots: 64, Policy: bus.PolicyLossless}))
	s := subscribe(t, b, "t", bus.Lossless())
	for i := range 64 {
		publish(t, p, fmt.Sprint(i))
	}
	for range 20 {
		f := receive(t, s)
		noError(t, f.Err())
		f.Release()
	}
	info, err := b.Stat("t")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Kick("t", info.SubscriberList[0].ID); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		f, err := s.TryReceive()
		if errors.Is(err, bus.ErrKicked) {
			break
		}
		if err != nil || f == nil || n > 16 {
			t.Fatalf("frame %d after the kick: %v, %v", n, f, err)
		}
		is(t, f.Err(), bus.ErrKicked)
		f.Release()
	}
}
