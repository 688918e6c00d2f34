package bus

import (
	"errors"
	"testing"

	"shmbus/internal/testproc"
)

// twoBuses opens one bus twice: each has a lease of its own.
func twoBuses(t *testing.T) (a, b *Bus) {
	t.Helper()
	dir := testproc.MemoryDir(t)
	var all [2]*Bus
	for i := range all {
		var err error
		if all[i], err = Open(dir); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = all[i].Close() })
	}
	return all[0], all[1]
}

// loseLease takes away the lease of a port, which is told so.
func loseLease(t *testing.T, p *port) {
	t.Helper()
	if err := p.at.participant.Leave(); err != nil { // as if a library had closed all descriptors
		t.Fatal(err)
	}
	if p.at.check() == nil {
		t.Fatal("the lease is not lost")
	}
	p.setState(portLost)
}

// TestAFrameWhoseLeaseWasLost: publishers go round the ring over it, so Err must not be nil: neither before the loss was found, nor when others
// have got the line, nor afterwards.
func TestAFrameWhoseLeaseWasLost(t *testing.T) {
	for name, mode := range map[string]SubscribeOption{"lossless": Lossless(), "a member": Group("g")} {
		t.Run(name, func(t *testing.T) {
			loses, b := twoBuses(t)
			p, err := b.Publisher("t", WithTopic(TopicOptions{Policy: PolicyLossless, Slots: 8, MaxSubscribers: 2}))
			if err != nil {
				t.Fatal(err)
			}
			s, err := loses.Subscribe(t.Context(), "t", mode)
			if err != nil {
				t.Fatal(err)
			}
			var f *Frame
			for range 2 { // the first one, so that the cursor does not stand at 0
				if err := p.Publish(t.Context(), []byte("a frame")); err != nil {
					t.Fatal(err)
				}
				if f != nil {
					f.Release()
				}
				if f, err = s.Receive(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.Err(); err != nil {
				t.Fatal(err)
			}
			if err := s.at.participant.Leave(); err != nil { // as if a library had closed all descriptors
				t.Fatal(err)
			}
			for range 16 {
				if err := p.Publish(t.Context(), []byte("later")); err != nil {
					t.Fatal(err)
				}
			}
			for _, when := range []string{"before it was found", "when it was found"} {
				if err := f.Err(); !errors.Is(err, ErrClosed) {
					t.Errorf("%s: got error %v, want one that is %q", when, err, ErrClosed)
				}
			}
		})
	}
}

// TestAFrameOfAClosedSubscription: it reads as zeros, so Err must not be nil; a copy stays what it is.
func TestAFrameOfAClosedSubscription(t *testing.T) {
	for name, mode := range map[string]SubscribeOption{"lossless": Lossless(), "lossy": Lossy(), "a member": Group("g")} {
		for who, end := range map[string]func(b *Bus, s *Subscriber) error{
			"the subscription": func(_ *Bus, s *Subscriber) error { return s.Close() },
			"the bus":          func(b *Bus, _ *Subscriber) error { return b.Close() },
		} {
			t.Run(name+", by closing "+who, func(t *testing.T) {
				closes, b := twoBuses(t)
				p, err := b.Publisher("t", WithTopic(TopicOptions{Policy: PolicyLossless, Slots: 8}))
				if err != nil {
					t.Fatal(err)
				}
				s, err := closes.Subscribe(t.Context(), "t", mode)
				if err != nil {
					t.Fatal(err)
				}
				if err := p.Publish(t.Context(), []byte("a frame")); err != nil {
					t.Fatal(err)
				}
				var batch Batch
				if err := s.ReceiveBatch(t.Context(), &batch); err != nil {
					t.Fatal(err)
				}
				if err := batch.Err(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error)
				go func() { ended <- end(closes, s) }()
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
				if name == "lossy" {
					if err := batch.Err(); err != nil || string(batch.Bytes(0)) != "a frame" {
						t.Errorf("got %q, %v of a copy", batch.Bytes(0), err)
					}
				} else if err := batch.Err(); !errors.Is(err, ErrClosed) {
					t.Errorf("got error %v of a frame that reads as %q, want one that is %q", err, batch.Bytes(0), ErrClosed)
				}
			})
		}
	}
}
