package bus

import (
	"context"
	"testing"

	"shmbus/internal/clock"
	"shmbus/internal/testproc"
)

// TestAStreamTellsWhoeverWaitsWhenHalfTheRingIsFree: of frames of one slot each; of larger ones it tells with each eighth. In any case what is
// free is stored with each eighth, for those who look by themselves.
func TestAStreamTellsWhoeverWaitsWhenHalfTheRingIsFree(t *testing.T) {
	const slots = 1024
	for _, c := range []struct {
		name                string
		size, span          int
		atLeast, atMostMore int // slots free when a sleeper is told
	}{
		{"one slot", 64, 1, slots / 2, slots/8 + mostAhead},
		{"two slots", 100, 2, slots / 8, slots / 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := Open(testproc.MemoryDir(t))
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			p, err := b.Publisher("t", WithTopic(TopicOptions{Slots: slots, Policy: PolicyLossless}))
			if err != nil {
				t.Fatal(err)
			}
			s, err := b.Subscribe(context.Background(), "t", Lossless())
			if err != nil {
				t.Fatal(err)
			}
			for p.TryPublish(make([]byte, c.size)) == nil {
			}
			freed, stored := 0, false
			turn := func() {
				s.asked = clock.Now(&s.clock) // however slow this machine is, the frames are not
				f, err := s.TryReceive()
				if f == nil {
					t.Fatalf("no frame after %d slots: %v", freed, err)
				}
				f.Release()
				freed += c.span
			}
			for range mostAhead + 1 { // it is not known before that it is a stream
				turn()
			}
			for p.room.Want(); p.room.Asleep() && freed < slots; {
				turn()
				stored = stored || freed <= 2*slots/8 && s.ring.Gates()[0].Position > 0
			}
			if freed < c.atLeast || freed > c.atLeast+c.atMostMore {
				t.Errorf("a sleeper was told with %d of %d slots free, want %d to %d", freed, slots, c.atLeast, c.atLeast+c.atMostMore)
			}
			if !stored {
				t.Error("the cursor was not stored with the first quarter of the ring")
			}
		})
	}
}

// TestASubscriptionIsSlowNoLongerThanItsFrames: one frame that takes long, while a publisher waits, is no reason to read one by one until nothing is
// left to read: a publisher that is as quick sees to it that there always is.
func TestASubscriptionIsSlowNoLongerThanItsFrames(t *testing.T) {
	b, err := Open(testproc.MemoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, err := b.Publisher("t", WithTopic(TopicOptions{Slots: 1024, Policy: PolicyLossless}))
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscribe(context.Background(), "t", Lossless())
	if err != nil {
		t.Fatal(err)
	}
	ahead := 0 // frames read ahead
	turn := func() {
		for p.TryPublish(make([]byte, 64)) == nil {
		}
		f, err := s.TryReceive()
		if f == nil {
			t.Fatal("no frame", err)
		}
		ahead = s.shelf.ahead()
		f.Release()
	}
	for range 2 * mostAhead {
		turn()
	}
	for p.room.Want(); s.shelf.ahead() > 0; {
		turn()
	}
	s.asked = 0 // the last one took long
	turn()
	if !s.slow || ahead > 0 {
		t.Fatalf("while a publisher waits and a frame has taken long: slow %v, with %d frames read ahead", s.slow, ahead)
	}
	for range 2 * mostAhead {
		s.asked = clock.Now(&s.clock) // however slow this machine is, these do not
		if turn(); ahead > 0 {
			return
		}
	}
	t.Error("frames are read one by one, though they do not take long any more and nobody waits")
}
