package bus

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestAMemberWhoseLeaseWasLostLeavesTheFrameOfAnotherAlone: the member that got its line has a frame in hand, over which nobody may go. It is not known
// yet that the lease is lost.
func TestAMemberWhoseLeaseWasLostLeavesTheFrameOfAnotherAlone(t *testing.T) {
	for name, do := range map[string]func(t *testing.T, a *Subscriber, f *Frame){
		"Release": func(_ *testing.T, _ *Subscriber, f *Frame) { f.Release() },
		"TryReceive": func(t *testing.T, a *Subscriber, f *Frame) {
			f.info.Held = false // as if it had been released in time
			if f, err := a.TryReceive(); f != nil || !errors.Is(err, ErrClosed) {
				t.Errorf("got %v, %v; want an error that is %q", f, err, ErrClosed)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			loses, b := twoBuses(t)
			p, err := b.Publisher("t", WithTopic(TopicOptions{Policy: PolicyLossless, Slots: 8, MaxSubscribers: 3}))
			if err != nil {
				t.Fatal(err)
			}
			join := func(b *Bus) *Subscriber {
				t.Helper()
				s, err := b.Subscribe(ctx, "t", Group("g"))
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			next := func(s *Subscriber, want string) *Frame {
				t.Helper()
				f, err := s.Receive(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if string(f.Bytes()) != want {
					t.Fatalf("got %q, want %q", f.Bytes(), want)
				}
				return f
			}
			publish := func(what string) {
				t.Helper()
				if err := p.Publish(ctx, []byte(what)); err != nil {
					t.Fatal(err)
				}
			}
			first, second := join(loses), join(b)
			publish("f")
			f := next(first, "f")
			if err := first.at.participant.Leave(); err != nil { // as if a library had closed all descriptors
				t.Fatal(err)
			}
			next(second, "f").Release() // adopted
			second.ring.ReapGate(first.r.Line())
			third := join(b)
			if third.r.Line() != first.r.Line() {
				t.Fatalf("it has line %d, want %d", third.r.Line(), first.r.Line())
			}
			publish("x")
			x := next(third, "x")
			do(t, first, f)
			for range 16 { // more than a lap
				if err := p.TryPublish([]byte("later")); err != nil && !errors.Is(err, ErrBackpressure) {
					t.Fatal(err)
				}
				if f, err := second.TryReceive(); err != nil {
					t.Fatal(err)
				} else if f != nil {
					f.Release()
				}
			}
			if string(x.Bytes()) != "x" || x.Err() != nil {
				t.Errorf("a frame in hand has become %q, and its error is %v", x.Bytes(), x.Err())
			}
		})
	}
}

// TestWhoKnowsThatItsLeaseIsLostStoresNothing: its line may be another's at any moment from then on.
func TestWhoKnowsThatItsLeaseIsLostStoresNothing(t *testing.T) {
	for name, mode := range map[string]SubscribeOption{"lossless": Lossless(), "lossy": Lossy(), "a member": Group("g")} {
		t.Run(name, func(t *testing.T) {
			loses, b := twoBuses(t)
			p, err := b.Publisher("t", WithTopic(TopicOptions{Policy: PolicyLossless, Slots: 8}))
			if err != nil {
				t.Fatal(err)
			}
			s, err := loses.Subscribe(t.Context(), "t", mode)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Publish(t.Context(), []byte("a frame")); err != nil {
				t.Fatal(err)
			}
			f, err := s.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			loseLease(t, s.port)
			was := s.ring.Gates()
			f.Release()
			if f, err := s.TryReceive(); f != nil || !errors.Is(err, ErrClosed) {
				t.Errorf("got %v, %v; want an error that is %q", f, err, ErrClosed)
			}
			for i, now := range s.ring.Gates() {
				if now != was[i] {
					t.Errorf("the line was %+v and is %+v", was[i], now)
				}
			}
		})
	}
}
