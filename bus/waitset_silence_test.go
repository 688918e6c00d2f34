package bus

import (
	"testing"
	"time"

	"shmbus/internal/testproc"
)

// TestASetLooksSeldomAtTopicsThatNobodyPublishesOn, as a subscription alone does; and sooner again as soon as there is a publisher.
func TestASetLooksSeldomAtTopicsThatNobodyPublishesOn(t *testing.T) {
	b, err := Open(testproc.MemoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var w WaitSet
	var last *Subscriber
	for _, name := range []string{"one", "two"} {
		if err := b.CreateTopic(name, TopicOptions{Policy: PolicyLossless}); err != nil {
			t.Fatal(err)
		}
		s, err := b.Subscribe(t.Context(), name, WaitForTopic())
		if err != nil {
			t.Fatal(err)
		}
		w.Add(s)
		last = s
	}
	now := time.Now()
	look := func() time.Duration { // all wait, nothing comes, and it is time
		t.Helper()
		for s := w.pop(); s != nil; s = w.pop() {
			if f, err := s.TryReceive(); f != nil || err != nil {
				t.Fatal(f, err)
			}
			if err := w.arm(s); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(w.silence)
		if !w.sweep(now) {
			t.Fatalf("it has not looked after %v", w.silence)
		}
		return w.silence
	}
	for range 2 {
		if got := look(); got != sweepAlone {
			t.Errorf("it looks after %v, and nobody publishes", got)
		}
	}
	p, err := b.Publisher("two")
	if err != nil {
		t.Fatal(err)
	}
	if got := look(); got > sweepMost {
		t.Errorf("it looks after %v, and somebody may publish", got)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if got := look(); got != sweepAlone {
		t.Errorf("it looks after %v when the publisher has gone", got)
	}
	if w.Remove(last); w.Len() != 1 {
		t.Errorf("%d are in the set", w.Len())
	}
	if w.Add(last); w.silence != sweepFirst {
		t.Errorf("who is added is looked at after %v", w.silence)
	}
	if err := b.RemoveTopic("two"); err != nil {
		t.Fatal(err)
	}
	if got := look(); got != sweepFirst {
		t.Errorf("it looks after %v, and waits for a topic", got)
	}
}

// TestASetHearsOfAPublisherThatOpensWhileItWaitsForNobody: between its look whether there is one and its sleep lies all that is done with the frames of others.
func TestASetHearsOfAPublisherThatOpensWhileItWaitsForNobody(t *testing.T) {
	b, err := Open(testproc.MemoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.CreateTopic("t", TopicOptions{}); err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscribe(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	var w WaitSet
	w.Add(s)
	if err := w.arm(w.pop()); err != nil {
		t.Fatal(err)
	}
	if now := time.Now(); !w.sweep(now) || w.silence != sweepAlone { // all are in the queue, and nobody rings for them
		t.Fatalf("it looks after %v", w.silence)
	}
	p, err := b.Publisher("t")
	if err != nil {
		t.Fatal(err)
	}
	mute(p)
	before := s.data.Value() // nobody sleeps: it has rung
	got := make(chan error, 1)
	go func() {
		_, _, err := w.Receive(t.Context())
		got <- err
	}()
	asleepOn(t, s.data, before)
	start := time.Now()
	if err := p.Publish(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > sweepMost+500*time.Millisecond {
		t.Errorf("after %v", took)
	}
}
