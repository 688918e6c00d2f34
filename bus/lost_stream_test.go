package bus

import (
	"errors"
	"testing"
)

// TestAStreamThatNeverEndsDoesNotHideThatTheLeaseWasLost: what had been read ahead is handed out, and no more.
func TestAStreamThatNeverEndsDoesNotHideThatTheLeaseWasLost(t *testing.T) {
	const before, frames = 200, 1000
	receive := func(t *testing.T, s *Subscriber) error {
		f, err := s.Receive(t.Context())
		if err == nil {
			f.Release()
		}
		return err
	}
	var batch Batch
	for name, mode := range map[string]SubscribeOption{"lossless": Lossless(), "lossy": Lossy(), "a member": Group("g")} {
		for how, receive := range map[string]func(t *testing.T, s *Subscriber) error{
			"Receive": receive,
			"TryReceive": func(_ *testing.T, s *Subscriber) error {
				f, err := s.TryReceive()
				if f == nil {
					return err
				}
				f.Release()
				return nil
			},
			"ReceiveBatch": func(t *testing.T, s *Subscriber) error {
				defer batch.Release()
				return s.ReceiveBatch(t.Context(), &batch)
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				loses, b := twoBuses(t)
				p, err := b.Publisher("t", WithTopic(TopicOptions{Policy: PolicyLossless, Slots: 2048}))
				if err != nil {
					t.Fatal(err)
				}
				s, err := loses.Subscribe(t.Context(), "t", mode)
				if err != nil {
					t.Fatal(err)
				}
				for range before + frames {
					if err := p.Publish(t.Context(), []byte("a frame")); err != nil {
						t.Fatal(err)
					}
				}
				for s.r.Received() < before {
					if err := receive(t, s); err != nil {
						t.Fatal(err)
					}
				}
				loseLease(t, s.port)
				for range mostAhead {
					if err = receive(t, s); err != nil {
						break
					}
				}
				if err == nil {
					err = receive(t, s)
				}
				if !errors.Is(err, ErrClosed) {
					t.Errorf("got error %v, want one that is %q", err, ErrClosed)
				}
			})
		}
	}
}
