package bus_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
)

// A batch is what is there, in order, up to 32 frames, whether they were published one by one or together, and whatever else receives in between.
func TestABatchIsWhatIsThere(t *testing.T) {
	for name, mode := range map[string]bus.SubscribeOption{"lossless": bus.Lossless(), "lossy": bus.Lossy(), "tap": bus.ReadOnly()} {
		t.Run(name, func(t *testing.T) {
			b := newBus(t)
			p := publisher(t, b, "t", losslessRing(8192))
			s := subscribe(t, b, "t", mode)
			rnd := rand.New(rand.NewPCG(3, 4))
			var sent, got uint64
			check := func(b []byte, sequence uint64) {
				got++
				if at := binary.LittleEndian.Uint64(b); at != got || sequence != got {
					t.Fatalf("frame %d, sequence %d, want %d", at, sequence, got)
				}
			}
			full, whole, short := 0, 0, 0
			held := make([]bus.Batch, 3)
			for turn := range 3000 {
				frames := make([][]byte, rnd.IntN(50))
				size := 8 + rnd.IntN(200)
				for i := range frames {
					sent++
					if rnd.IntN(20) == 0 {
						size = 8 + rnd.IntN(200)
					}
					frames[i] = make([]byte, size)
					binary.LittleEndian.PutUint64(frames[i], sent)
				}
				if turn%3 > 0 {
					if n, err := p.PublishBatch(soon(t), frames); n != len(frames) || err != nil {
						t.Fatal(n, err)
					}
				} else {
					for _, f := range frames {
						publish(t, p, string(f))
					}
				}
				for sent-got > 300 || sent > got && rnd.IntN(8) > 0 {
					if rnd.IntN(4) == 0 {
						f, err := s.Receive(soon(t))
						noError(t, err)
						check(f.Bytes(), f.Sequence())
						f.Release()
						continue
					}
					batch := &held[rnd.IntN(len(held))]
					noError(t, s.ReceiveBatch(soon(t), batch))
					n := batch.Len()
					if n == 0 || n > 32 || n > int(sent-got) {
						t.Fatalf("%d frames of %d", n, sent-got)
					}
					switch {
					case n == 32:
						full++
					case n == int(sent-got):
						whole++
					default:
						short++
					}
					last := uint64(0)
					for i := range n {
						check(batch.Bytes(i), batch.Sequence(i))
						if batch.Publisher(i) != p.ID() || batch.Kind(i) != bus.KindRaw || batch.Time(i).IsZero() {
							t.Fatalf("frame %d is of publisher %d, kind %v, %v", got, batch.Publisher(i), batch.Kind(i), batch.Time(i))
						}
						if pos := batch.Position(i); pos <= last && got > 1 {
							t.Fatalf("position %d comes after %d", pos, last)
						}
						last = batch.Position(i)
					}
					noError(t, batch.Err())
					if rnd.IntN(2) == 0 {
						batch.Release()
						batch.Release()
						if batch.Len() != 0 {
							t.Fatal("a released batch has frames")
						}
					}
				}
				if turn%20 == 0 {
					for i := range held {
						held[i].Release()
					}
				}
			}
			if st := s.Stats(); st.Received != got || st.Lost != 0 {
				t.Errorf("%+v, of %d", st, got)
			}
			if full < 100 || whole < 100 || short < 100 && name == "lossless" {
				t.Errorf("%d full batches, %d of all there was, and %d others show little", full, whole, short)
			}
		})
	}
}

// What is held of a batch holds publishers back, and is what it was, until it is released.
func TestABatchIsHeldUntilReleased(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(64))
	s := subscribe(t, b, "t", bus.Lossless())
	frames := make([][]byte, 16)
	for i := range frames {
		frames[i] = []byte{byte(i), 1}
	}
	fill := func() (n int) {
		for {
			k, err := p.PublishBatch(done(), frames)
			if n += k; err != nil {
				return n
			}
		}
	}
	var first, second bus.Batch
	n := fill()
	noError(t, s.ReceiveBatch(soon(t), &first)) // frame by frame
	for first.Len() > 0 && n > 0 {
		n -= first.Len()
		if n == 0 {
			break
		}
		noError(t, s.ReceiveBatch(soon(t), &second))
		n -= second.Len()
		if k := fill(); k != 0 {
			t.Fatalf("%d frames were published over held ones", k)
		}
		for i := range first.Len() {
			if got := first.Bytes(i); len(got) != 2 || got[1] != 1 {
				t.Fatalf("a held frame is %x", got)
			}
		}
		second.Release()
		first.Release()
		n += fill()
		noError(t, s.ReceiveBatch(soon(t), &first))
		if got := s.Stats().Received; got > 2000 {
			return
		}
	}
	t.Fatal("nothing came")
}

// runOf is n frames that are alike.
func runOf(n int) [][]byte {
	run := make([][]byte, n)
	for i := range run {
		run[i] = []byte{byte(i)}
	}
	return run
}

// publishRun publishes n frames that are alike as one batch.
func publishRun(t *testing.T, p *bus.Publisher, n int) {
	t.Helper()
	if sent, err := p.PublishBatch(soon(t), runOf(n)); sent != n || err != nil {
		t.Fatal(sent, err)
	}
}

// An index that is not in the batch makes it panic, whatever the batch is.
func TestABatchEndsWhereItEnds(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(1024))
	s := subscribe(t, b, "t", bus.Lossless())
	for range 4 {
		publishRun(t, p, 12) // across a multiple of 32 it is two
		for got := 0; got < 12; {
			var batch bus.Batch
			noError(t, s.ReceiveBatch(soon(t), &batch))
			for i := range batch.Len() {
				if want := byte(got + i); len(batch.Bytes(i)) != 1 || batch.Bytes(i)[0] != want {
					t.Fatalf("frame %d is %x, want %x", i, batch.Bytes(i), want)
				}
			}
			got += batch.Len()
			for _, i := range []int{-1, batch.Len(), 31, 32} {
				func() {
					defer func() {
						if recover() == nil {
							t.Errorf("frame %d of %d is %x", i, batch.Len(), batch.Bytes(i))
						}
					}()
					batch.Bytes(i)
				}()
			}
			batch.Release()
		}
	}
}

// A batch ends behind a large frame: more of them would be held, or copied, at once.
func TestABatchHasOneLargeFrame(t *testing.T) {
	for _, mode := range []bus.SubscribeOption{bus.Lossless(), bus.Lossy()} {
		b := newBus(t)
		p := publisher(t, b, "t", losslessRing(1024))
		s := subscribe(t, b, "t", mode)
		publish(t, p, "a", "b", strings.Repeat("c", 5000), strings.Repeat("d", 5000), "e")
		var batch bus.Batch
		for _, want := range []int{3, 1, 1} {
			noError(t, s.ReceiveBatch(soon(t), &batch))
			if batch.Len() != want {
				t.Fatalf("%d frames, want %d", batch.Len(), want)
			}
		}
	}
}

// A run that is held stays what it is when its topic is removed and made again and the subscription has gone on to the next, and what is counted as received is
// what was handed out.
func TestABatchOutlivesItsTopic(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(256))
	s := subscribe(t, b, "t", bus.Lossless(), bus.WaitForTopic())
	var first, second, next bus.Batch
	publishRun(t, p, 32)
	publishRun(t, p, 32)
	noError(t, s.ReceiveBatch(soon(t), &first))
	noError(t, s.ReceiveBatch(soon(t), &second))
	noError(t, b.RemoveTopic("t"))
	noError(t, p.Close())
	p = publisher(t, b, "t", losslessRing(256))
	publish(t, p, "of the next")
	noError(t, s.ReceiveBatch(soon(t), &next))
	if next.Len() != 1 || string(next.Bytes(0)) != "of the next" {
		t.Fatalf("%d frames", next.Len())
	}
	for _, batch := range []*bus.Batch{&first, &second} {
		for i := range batch.Len() {
			if batch.Len() != 32 || batch.Bytes(i)[0] != byte(i) || batch.Err() != nil {
				t.Fatalf("frame %d of %d is %x: %v", i, batch.Len(), batch.Bytes(i), batch.Err())
			}
		}
		batch.Release()
	}
	if st := s.Stats(); st.Received != 65 {
		t.Errorf("%+v, of 65", st)
	}
}

// Decode decodes each frame of a batch.
func TestABatchDecodes(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(1024))
	s := subscribe(t, b, "t", bus.Lossless())
	for i := range 100 {
		noError(t, p.Encode(soon(t), i))
	}
	var batch bus.Batch
	for want := 0; want < 100; {
		noError(t, s.ReceiveBatch(soon(t), &batch))
		for i := range batch.Len() {
			var got int
			if err := batch.Decode(i, &got); err != nil || got != want || batch.Kind(i) != bus.KindMsgpack || batch.Attempt(i) != 1 {
				t.Fatalf("%d, want %d: %v", got, want, err)
			}
			want++
		}
	}
	publishRun(t, p, 2)
	noError(t, s.ReceiveBatch(soon(t), &batch))
	if err := batch.Decode(1, new(int)); err == nil {
		t.Error("raw bytes were decoded")
	}
}

// A member of a group has one frame in hand at a time, also by batches.
func TestABatchOfAMemberIsOneFrame(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(16))
	m := subscribe(t, b, "t", bus.Group("g"))
	publish(t, p, "1", "2", "3")
	var batch, other bus.Batch
	for _, want := range []string{"1", "2", "3"} {
		if err := m.ReceiveBatch(soon(t), &batch); err != nil || batch.Len() != 1 || string(batch.Bytes(0)) != want {
			t.Fatalf("%d frames: %v", batch.Len(), err)
		}
		if err := m.ReceiveBatch(soon(t), &other); !errors.Is(err, bus.ErrBusy) || other.Len() != 0 {
			t.Fatalf("with a frame in hand: %v", err)
		}
	}
}

// ReceiveBatch waits for its first frame, as long as the context lets it; what went wrong behind a frame is said by the next call.
func TestABatchWaitsForOneFrameOnly(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(16))
	s := subscribe(t, b, "t", bus.Lossless())
	var batch bus.Batch
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if err := s.ReceiveBatch(ctx, &batch); batch.Len() != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%d frames: %v", batch.Len(), err)
	}
	ended := make(chan error, 1)
	go func() {
		l, err := p.Loan(context.Background(), 1)
		if err == nil {
			err = l.Commit()
		}
		ended <- err
	}()
	if err := s.ReceiveBatch(soon(t), &batch); batch.Len() != 1 || err != nil {
		t.Fatalf("%d frames: %v", batch.Len(), err)
	}
	noError(t, <-ended)
	batch.Release()
	_, err := p.PublishBatch(soon(t), [][]byte{[]byte("last"), []byte("lost")})
	noError(t, err)
	noError(t, b.RemoveTopic("t"))
	err = s.ReceiveBatch(soon(t), &batch)
	if err == nil {
		if batch.Len() != 2 || string(batch.Bytes(0)) != "last" {
			t.Fatalf("%d frames", batch.Len())
		}
		err = s.ReceiveBatch(soon(t), &batch)
	}
	if !errors.Is(err, bus.ErrNoTopic) || batch.Len() != 0 {
		t.Fatalf("the topic is gone: %v", err)
	}
	noError(t, s.Close())
	if err = s.ReceiveBatch(soon(t), &batch); !errors.Is(err, bus.ErrClosed) {
		t.Fatalf("the subscription is closed: %v", err)
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
	ended := make(chan error, 1)
	go func() {
		rnd := rand.New(rand.NewPCG(5, 6))
		for sent := uint64(0); sent < frames; {
			batch := make([][]byte, 1+rnd.Uint64N(min(40, frames-sent)))
			for i := range batch {
				sent++
				batch[i] = binary.LittleEndian.AppendUint64(nil, sent)
			}
			if _, err := p.PublishBatch(context.Background(), batch); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	var batch bus.Batch
	for got := uint64(0); got < frames; {
		noError(t, s.ReceiveBatch(soon(t), &batch))
		for i := range batch.Len() {
			if got++; binary.LittleEndian.Uint64(batch.Bytes(i)) != got {
				t.Fatalf("frame %d, want %d", binary.LittleEndian.Uint64(batch.Bytes(i)), got)
			}
		}
		batch.Release()
	}
	noError(t, <-ended)
}
