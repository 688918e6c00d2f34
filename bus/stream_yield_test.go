package bus

import (
	"testing"

	"shmbus/internal/testproc"
)

// TestALongStreamIsWithoutAGap: who joins late, reads a burst, or finds nothing in between, is in none.
func TestALongStreamIsWithoutAGap(t *testing.T) {
	b, err := Open(testproc.MemoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, err := b.Publisher("t", WithTopic(TopicOptions{Policy: PolicyLossless, Slots: 4096}))
	if err != nil {
		t.Fatal(err)
	}
	subscribe := func(opts ...SubscribeOption) *Subscriber {
		t.Helper()
		s, err := b.Subscribe(t.Context(), "t", append(opts, Lossless())...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	stream := func(s *Subscriber, frames int) {
		t.Helper()
		for range frames {
			if err := p.Publish(t.Context(), []byte("x")); err != nil {
				t.Fatal(err)
			}
			f, err := s.TryReceive()
			if f == nil {
				t.Fatal("no frame, ", err)
			}
			f.Release()
		}
	}
	wants := func(s *Subscriber, want bool, when string) {
		t.Helper()
		if s.inLongStream() != want {
			t.Fatalf("in a long stream is %v %s", !want, when)
		}
	}
	s := subscribe()
	stream(s, longStream-1)
	wants(s, false, "in a burst")
	stream(s, 1)
	wants(s, true, "after so many frames")
	if f, err := s.TryReceive(); f != nil || err != nil {
		t.Fatal("a frame too many, ", err)
	}
	wants(s, false, "when there was nothing")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	late := subscribe()
	stream(late, 1)
	wants(late, false, "at the first frame after joining late")
	if err := late.Close(); err != nil {
		t.Fatal(err)
	}
	spins := subscribe(Spin())
	stream(spins, longStream)
	wants(spins, false, "though it is to spin")
}
