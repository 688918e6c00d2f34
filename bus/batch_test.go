package bus_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"shmbus/bus"
)

// A batch is what is there, in order, and no more than was asked for.
func TestABatchIsWhatIsThere(t *testing.T) {
	for name, mode := range map[string]bus.SubscribeOption{"lossless": bus.Lossless(), "lossy": bus.Lossy(), "tap": bus.ReadOnly()} {
		t.Run(name, func(t *testing.T) {
			b := newBus(t)
			p := publisher(t, b, "t", losslessRing(1024))
			s := subscribe(t, b, "t", mode)
			rnd := rand.New(rand.NewPCG(3, 4))
			var sent, got uint64
			full, short := 0, 0
			var held []*bus.Frame
			for range 2000 {
				for range rnd.IntN(40) {
					sent++
					frame := make([]byte, 8+rnd.IntN(2)*rnd.IntN(200))
					binary.LittleEndian.PutUint64(frame, sent)
					publish(t, p, string(frame))
				}
				fs := make([]*bus.Frame, rnd.IntN(50))
				want := min(len(fs), int(sent-got))
				if want == 0 {
					continue
				}
				n, err := s.ReceiveBatch(soon(t), fs)
				if err != nil || n != want {
					t.Fatalf("%d frames, want %d: %v", n, want, err)
				}
				if n == len(fs) {
					full++
				} else {
					short++
				}
				for _, f := range fs[:n] {
					got++
					if at := binary.LittleEndian.Uint64(f.Bytes()); at != got || f.Sequence() != got {
						t.Fatalf("frame %d, sequence %d, want %d", at, f.Sequence(), got)
					}
				}
				held = append(held, fs[:n]...)
				rnd.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
				for keep := rnd.IntN(8); len(held) > keep; held = held[1:] {
					held[0].Release()
				}
			}
			if st := s.Stats(); st.Received != got || st.Lost != 0 {
				t.Errorf("%+v, of %d", st, got)
			}
			if full < 100 || short < 100 {
				t.Errorf("%d full batches and %d short ones show little", full, short)
			}
		})
	}
}

// A member of a group has one frame in hand at a time, also by batches.
func TestABatchOfAMemberIsOneFrame(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(16))
	m := subscribe(t, b, "t", bus.Group("g"))
	publish(t, p, "1", "2", "3")
	fs := make([]*bus.Frame, 8)
	for _, want := range []string{"1", "2", "3"} {
		if n, err := m.ReceiveBatch(soon(t), fs); err != nil || n != 1 || string(fs[0].Bytes()) != want {
			t.Fatalf("%d frames: %v", n, err)
		}
		if _, err := m.ReceiveBatch(soon(t), fs); !errors.Is(err, bus.ErrBusy) {
			t.Fatalf("with a frame in hand: %v", err)
		}
		fs[0].Release()
	}
}

// ReceiveBatch waits for its first frame, as long as the context lets it; what went wrong behind a frame is said by the next call.
func TestABatchWaitsForOneFrameOnly(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(16))
	s := subscribe(t, b, "t", bus.Lossless())
	fs := make([]*bus.Frame, 4)
	if n, err := s.ReceiveBatch(t.Context(), nil); n != 0 || err != nil {
		t.Fatalf("with no place for a frame: %d, %v", n, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if n, err := s.ReceiveBatch(ctx, fs); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%d frames: %v", n, err)
	}
	done := make(chan error, 1)
	go func() {
		l, err := p.Loan(context.Background(), 1)
		if err == nil {
			err = l.Commit()
		}
		done <- err
	}()
	if n, err := s.ReceiveBatch(soon(t), fs); n != 1 || err != nil {
		t.Fatalf("%d frames: %v", n, err)
	}
	noError(t, <-done)
	fs[0].Release()
	publish(t, p, "last")
	noError(t, b.RemoveTopic("t"))
	n, err := s.ReceiveBatch(soon(t), fs)
	if err == nil {
		if n != 1 || string(fs[0].Bytes()) != "last" {
			t.Fatalf("%d frames", n)
		}
		_, err = s.ReceiveBatch(soon(t), fs)
	}
	if !errors.Is(err, bus.ErrNoTopic) {
		t.Fatalf("the topic is gone: %v", err)
	}
}

// Batches on both sides of a ring that is smaller than what is sent: everything comes once, in order.
func TestBatchesThroughASmallRing(t *testing.T) {
	frames := uint64(200_000)
	if testing.Short() {
		frames = 20_000
	}
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(64))
	s := subscribe(t, b, "t", bus.Lossless())
	done := make(chan error, 1)
	go func() {
		rnd := rand.New(rand.NewPCG(5, 6))
		for sent := uint64(0); sent < frames; {
			batch := make([][]byte, 1+rnd.Uint64N(min(40, frames-sent)))
			for i := range batch {
				sent++
				batch[i] = binary.LittleEndian.AppendUint64(nil, sent)
			}
			if _, err := p.PublishBatch(context.Background(), batch); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	fs := make([]*bus.Frame, 24)
	for got := uint64(0); got < frames; {
		n, err := s.ReceiveBatch(soon(t), fs)
		noError(t, err)
		for _, f := range fs[:n] {
			if got++; binary.LittleEndian.Uint64(f.Bytes()) != got {
				t.Fatalf("frame %d, want %d", binary.LittleEndian.Uint64(f.Bytes()), got)
			}
			f.Release()
		}
	}
	noError(t, <-done)
}
