package bus_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"shmbus/bus"
)

func TestLatestOnlyGivesTheNewestFrame(t *testing.T) {
	for name, mode := range map[string]bus.SubscribeOption{"lossy": bus.Lossy(), "tap": bus.ReadOnly()} {
		t.Run(name, func(t *testing.T) {
			b := newBus(t)
			ps := []*bus.Publisher{publisher(t, b, "t", overwriteRing(16)), publisher(t, b, "t")}
			s := subscribe(t, b, "t", mode, bus.LatestOnly())
			rnd := rand.New(rand.NewPCG(1, 2))
			sent := uint64(0)
			for range 1000 {
				n := rnd.IntN(40)
				for range n {
					sent++
					publish(t, ps[rnd.IntN(2)], string(binary.LittleEndian.AppendUint64(nil, sent)))
				}
				f, err := s.TryReceive()
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					if f != nil {
						t.Fatalf("frame %d, and nothing was published", f.Position())
					}
					continue
				}
				if f == nil || binary.LittleEndian.Uint64(f.Bytes()) != sent {
					t.Fatalf("%v, want frame %d", f, sent)
				}
				f.Release()
				if st := s.Stats(); st.Received+st.Lost != sent || st.Lag != 0 {
					t.Fatalf("%+v, of %d", st, sent)
				}
			}
		})
	}
}

// An open loan does not keep older frames from a reader that wants the newest, and is not passed over once it is committed last.
func TestLatestOnlyDoesNotWaitForAnOpenLoan(t *testing.T) {
	b := newBus(t)
	p, q := publisher(t, b, "t", overwriteRing(16)), publisher(t, b, "t")
	s := subscribe(t, b, "t", bus.LatestOnly())
	publish(t, q, "first")
	l, err := p.Loan(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, q, "behind the loan")
	if f := receive(t, s); string(f.Bytes()) != "behind the loan" {
		t.Fatalf("%q", f.Bytes())
	}
	copy(l.Bytes(), "loan")
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
	if f, err := s.TryReceive(); f != nil || err != nil {
		t.Fatalf("%v, %v: it is older than what was received", f, err)
	}
	if st := s.Stats(); st.Received != 1 || st.Lost != 2 {
		t.Fatalf("%+v", st)
	}
}

func TestLatestOnlyIsForReadersThatCopy(t *testing.T) {
	b := newBus(t)
	publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless}))
	for _, o := range []bus.SubscribeOption{bus.Lossless(), bus.Group("g")} {
		if _, err := b.Subscribe(t.Context(), "t", o, bus.LatestOnly()); !errors.Is(err, bus.ErrPolicy) {
			t.Error(err)
		}
	}
}

// A fast publisher never makes it wait for long, and its last frame always comes.
func TestLatestOnlyKeepsUpWithAFastPublisher(t *testing.T) {
	b, ctx := newBus(t), soon(t)
	p := publisher(t, b, "t", overwriteRing(4))
	s := subscribe(t, b, "t", bus.LatestOnly())
	const frames = 200000
	sent := make(chan error, 1)
	go func() {
		for i := range uint64(frames) {
			if err := p.Publish(context.Background(), binary.LittleEndian.AppendUint64(nil, i+1)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for last := uint64(0); last < frames; {
		f, err := s.Receive(ctx)
		if err != nil {
			t.Fatalf("after frame %d: %v", last, err)
		}
		n := binary.LittleEndian.Uint64(f.Bytes())
		if n <= last {
			t.Fatalf("frame %d after frame %d", n, last)
		}
		last = n
		f.Release()
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}
