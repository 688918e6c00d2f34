//go:build unix

package main

import (
	"context"
	"os"
	"slices"
	"sync"
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

// A slowWriter tells of its first write, which does not end before it may.
type slowWriter struct {
	once       sync.Once
	begun, may chan struct{}
}

func (w *slowWriter) Write(b []byte) (int, error) {
	w.once.Do(func() { close(w.begun) })
	<-w.may
	return len(b), nil
}

// TestAFrameBehindTheLastWantedGoesToAnotherMember: one that another topic has in hand while the last one is written.
func TestAFrameBehindTheLastWantedGoesToAnotherMember(t *testing.T) {
	b := openBus(t)
	first, second := publisher(t, b, "first", jobs), publisher(t, b, "second", jobs)
	joined(t, b, "first")
	other := joined(t, b, "second")
	members := func(topic string) []bus.SubscriberInfo {
		t.Helper()
		info, err := b.Stat(topic)
		if err != nil {
			t.Fatal(err)
		}
		return info.SubscriberList
	}
	out, done := &slowWriter{begun: make(chan struct{}), may: make(chan struct{})}, make(chan int, 1)
	goOn := sync.OnceFunc(func() { close(out.may) })
	defer goOn()
	var said lockedBuffer
	go func() {
		done <- run(context.Background(), []string{"--bus", b.Dir(), "tap", "--group", "w", "-n", "1", "first", "second"}, nil, out, &said)
	}()
	for _, topic := range []string{"first", "second"} {
		eventually(t, "the tap joins "+topic, func() bool { return len(members(topic)) == 2 })
	}
	publish(t, first, "one")
	<-out.begun
	publish(t, second, "two")
	eventually(t, "the tap has a frame of the second topic in hand", func() bool {
		return slices.ContainsFunc(members("second"), func(s bus.SubscriberInfo) bool { return s.Holds })
	})
	goOn()
	if code := <-done; code != 0 {
		t.Fatalf("exit code %d: %s", code, said.String())
	}
	wantLeft(t, other, "two")
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
