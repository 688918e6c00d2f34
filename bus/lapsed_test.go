package bus

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestALoanWhoseLeaseWasLost: its slots belong to others by now, who have gone round the ring. Neither Commit nor Abort touches their frames.
func TestALoanWhoseLeaseWasLost(t *testing.T) {
	value := map[string]int{"a": 1}
	for name, end := range map[string]func(ctx context.Context, p *Publisher, l *Loan) error{
		"Commit": func(_ context.Context, _ *Publisher, l *Loan) error { return l.Commit() },
		"Abort": func(ctx context.Context, p *Publisher, l *Loan) error {
			l.Abort()
			return p.Publish(ctx, nil)
		},
		"Abort and Encode": func(ctx context.Context, p *Publisher, l *Loan) error {
			l.Abort()
			return p.Encode(ctx, value)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			loses, b := twoBuses(t)
			q, err := b.Publisher("t", WithTopic(TopicOptions{Policy: PolicyLossless, Slots: 8}))
			if err != nil {
				t.Fatal(err)
			}
			s, err := b.Subscribe(ctx, "t", Lossless())
			if err != nil {
				t.Fatal(err)
			}
			p, err := loses.Publisher("t")
			if err != nil {
				t.Fatal(err)
			}
			l, err := p.Loan(ctx, 8)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.at.participant.Leave(); err != nil { // as if a library had closed all descriptors
				t.Fatal(err)
			}
			publish := func(from, to byte) {
				t.Helper()
				for c := from; c <= to; c++ {
					if err := q.Publish(ctx, []byte{c}); err != nil {
						t.Fatal(err)
					}
				}
			}
			receive := func(from, to byte) {
				t.Helper()
				for c := from; c <= to; c++ {
					f, err := s.Receive(ctx)
					if err != nil {
						t.Fatal(err)
					}
					if string(f.Bytes()) != string(c) {
						t.Errorf("received %q, want %q", f.Bytes(), c)
					}
					f.Release()
				}
			}
			publish('a', 'g')
			receive('a', 'g')
			publish('h', 'j') // over the loan's slot
			if err := end(ctx, p, l); !errors.Is(err, ErrClosed) {
				t.Errorf("got error %v, want one that is %q", err, ErrClosed)
			}
			receive('h', 'j')
		})
	}
}

// TestALoanOfALeaseThatIsKnownToBeLost: Commit says that nobody gets the frame, also while the line is still the publisher's.
func TestALoanOfALeaseThatIsKnownToBeLost(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	loses, b := twoBuses(t)
	q, err := b.Publisher("t")
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscribe(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	p, err := loses.Publisher("t")
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Loan(ctx, 8)
	if err != nil {
		t.Fatal(err)
	}
	loseLease(t, p.port)
	if err := l.Commit(); !errors.Is(err, ErrClosed) {
		t.Errorf("got error %v, want one that is %q", err, ErrClosed)
	}
	l.Abort() // as those do who defer it
	if err := q.Publish(ctx, []byte("another's")); err != nil {
		t.Fatal(err)
	}
	f, err := s.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if string(f.Bytes()) != "another's" {
		t.Errorf("received %q, want the frame of another", f.Bytes())
	}
}
