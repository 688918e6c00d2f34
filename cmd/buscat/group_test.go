//go:build unix

package main

import (
	"os"
	"testing"

	"shmbus/bus"
)

var jobs = bus.TopicOptions{Policy: bus.PolicyLossless}

// joined is a member of group w of a topic, which it keeps while others come and go.
func joined(t *testing.T, b *bus.Bus, topic string) *bus.Subscriber {
	t.Helper()
	s, err := b.Subscribe(t.Context(), topic, bus.Group("w"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// wantLeft wants the next frame of a group to be this one.
func wantLeft(t *testing.T, s *bus.Subscriber, line string) {
	t.Helper()
	f, err := s.TryReceive()
	if err != nil || f == nil {
		t.Fatalf("frame %q went to no other member: %v", line, err)
	}
	if got := string(f.Bytes()); got != line {
		t.Errorf("the next frame is %q, not %q", got, line)
	}
	f.Release()
}

// TestALastFrameThatIsNotWrittenGoesToAnotherMember, as any other.
func TestALastFrameThatIsNotWrittenGoesToAnotherMember(t *testing.T) {
	b := openBus(t)
	p := publisher(t, b, "t", jobs)
	other := joined(t, b, "t")
	publish(t, p, "one")
	for _, args := range [][]string{{}, {"--exit"}, {"none"}} {
		c := command(t, b.Dir(), append([]string{"tap", "--group", "w", "-n", "1", "t"}, args...)...)
		closed, err := os.Open(os.DevNull) // nothing can be written to it
		if err != nil {
			t.Fatal(err)
		}
		c.Stdout = closed
		c.start()
		closed.Close()
		c.ends(1)
	}
	wantLeft(t, other, "one")
}
