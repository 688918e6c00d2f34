package bus

import (
	"runtime"
	"testing"

	"shmbus/internal/testproc"
)

// Positions begin anew on a topic that was made anew: what is known of earlier ones must not keep a subscription from reading several frames at
// once.
func TestASubscriptionReadsSeveralFramesAtOnceOnANewTopicToo(t *testing.T) {
	b, err := Open(testproc.MemoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	topic := WithTopic(TopicOptions{Policy: PolicyLossless, Slots: 1024})
	p, err := b.Publisher("t", topic)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscribe(t.Context(), "t", Lossless(), WaitForTopic())
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	send := func() {
		t.Helper()
		for range 500 {
			if err := p.Publish(t.Context(), []byte("frame")); err != nil {
				t.Fatal(err)
			}
		}
		for most = 0; s.r.Position() < 500 || s.shelf.ahead() > 0; {
			f, err := s.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			f.Release()
			most = max(most, s.shelf.ahead()+1)
		}
	}
	send()
	if most != mostAhead {
		t.Fatalf("%d frames were read at once, want %d", most, mostAhead)
	}
	if err := b.RemoveTopic("t"); err != nil {
		t.Fatal(err)
	}
	if f, err := s.TryReceive(); f != nil || err != nil { // which leaves the topic
		t.Fatal(f, err)
	}
	if p, err = b.Publisher("t", topic); err != nil {
		t.Fatal(err)
	}
	if f, err := s.TryReceive(); f != nil || err != nil { // which comes to the new one
		t.Fatal(f, err)
	}
	send()
	if most != mostAhead {
		t.Fatalf("%d frames were read at once on the new topic, want %d", most, mostAhead)
	}
}

// Block sleeps at once, and with one CPU nothing comes while it is looked for.
func TestOnlyWhoMayGainFromItLooksAgainBeforeItSleeps(t *testing.T) {
	b, err := Open(testproc.MemoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Publisher("t"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		opts  []SubscribeOption
		looks bool
	}{
		{"by default", nil, runtime.NumCPU() > 1},
		{"Spin", []SubscribeOption{Spin()}, runtime.NumCPU() > 1},
		{"Block", []SubscribeOption{Block()}, false},
	} {
		s, err := b.Subscribe(t.Context(), "t", c.opts...)
		if err != nil {
			t.Fatal(err)
		}
		if looks := s.looks() > 0; looks != c.looks {
			t.Errorf("%s: %d looks", c.name, s.looks())
		}
	}
}
