package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"shmbus/bus"
)

// drain receives what is there.
func drain(t testing.TB, s *bus.Subscriber) (frames []string) {
	t.Helper()
	for {
		f, err := s.TryReceive()
		noError(t, err)
		if f == nil {
			return frames
		}
		frames = append(frames, string(f.Bytes()))
		f.Release()
	}
}

func TestStartPositions(t *testing.T) {
	for _, mode := range []struct {
		name string
		opt  bus.SubscribeOption
	}{{"lossy", bus.Lossy()}, {"lossless", bus.Lossless()}, {"read-only", bus.ReadOnly()}} {
		b := newBus(t)
		p := publisher(t, b, "t", losslessRing(64))
		first := subscribe(t, b, "t")
		var at []uint64
		for i := range 10 {
			publish(t, p, fmt.Sprint(i))
			f := receive(t, first)
			at = append(at, f.Position())
			f.Release()
			l := loan(t, p, 100) // a hole
			l.Abort()
		}
		for _, c := range []struct {
			name string
			opt  bus.SubscribeOption
			from int // the first of 0 to 9, and 10, which comes later
		}{
			{"newest", bus.FromNewest(), 10},
			{"oldest", bus.FromOldest(), 0},
			{"last 0", bus.LastN(0), 10},
			{"last 1", bus.LastN(1), 9},
			{"last 3", bus.LastN(3), 7},
			{"last 100", bus.LastN(100), 0},
			{"last -1", bus.LastN(-1), 10},
			{"position 0", bus.FromPosition(0), 0},
			{"position of a frame", bus.FromPosition(at[4]), 4},
			{"position behind a frame", bus.FromPosition(at[4] + 1), 5},
			{"position behind the last", bus.FromPosition(at[9] + 1), 10},
		} {
			s := subscribe(t, b, "t", mode.opt, c.opt)
			got := drain(t, s)
			if len(got) != 10-c.from || len(got) > 0 && got[0] != fmt.Sprint(c.from) {
				t.Errorf("%s, %s: got %q, want from %d on", mode.name, c.name, got, c.from)
			}
			publish(t, p, "later")
			expect(t, s, "later")
			if s.Lost() != 0 {
				t.Errorf("%s, %s: %d lost", mode.name, c.name, s.Lost())
			}
			noError(t, s.Close())
			noError(t, b.RemoveTopic("t"))
			p = publisher(t, b, "t", losslessRing(64))
			for i := range 10 {
				publish(t, p, fmt.Sprint(i))
				loan(t, p, 100).Abort()
			}
		}
	}
}

func TestAPositionInTheFutureSkipsWhatComesBefore(t *testing.T) {
	for _, mode := range []bus.SubscribeOption{bus.Lossy(), bus.Lossless(), bus.ReadOnly()} {
		b := newBus(t)
		p := publisher(t, b, "t", losslessRing(8))
		publish(t, p, "0", "1", "2")
		s := subscribe(t, b, "t", mode, bus.FromPosition(20))
		for i := 3; i < 25; i++ {
			noError(t, p.TryPublish(fmt.Append(nil, i)))
			if i < 20 {
				nothing(t, s)
			}
		}
		expect(t, s, "20", "21", "22", "23", "24")
		if st := s.Stats(); st.Received != 5 || st.Lost != 0 {
			t.Errorf("%+v, of 5 frames", st)
		}
		noError(t, s.Close())
		if st := s.Stats(); st.Received != 5 {
			t.Errorf("closed: %+v", st)
		}
	}
}

func TestAPositionIsOfTheTopicThatWasThereAndNotOfTheNext(t *testing.T) {
	for _, mode := range []bus.SubscribeOption{bus.Lossy(), bus.Lossless(), bus.ReadOnly()} {
		b := newBus(t)
		p := publisher(t, b, "t", losslessRing(8))
		for range 100 {
			publish(t, p, "old")
		}
		s := subscribe(t, b, "t", mode, bus.FromPosition(99), bus.WaitForTopic())
		expect(t, s, "old")
		noError(t, b.RemoveTopic("t"))
		q := publisher(t, b, "t", losslessRing(8))
		publish(t, q, "new 0", "new 1")
		expect(t, s, "new 0", "new 1")
	}
}

func TestAPositionOfATopicThatIsNotThereYetDoesNotCount(t *testing.T) {
	b := newBus(t)
	got := make(chan string, 1)
	waiting := make(chan struct{})
	go func() {
		s, err := b.Subscribe(soon(t), "t", bus.FromPosition(1000), bus.OnWait(func() { close(waiting) }))
		if err != nil {
			got <- err.Error()
			return
		}
		f, err := s.Receive(soon(t))
		if err != nil {
			got <- err.Error()
			return
		}
		got <- string(f.Bytes())
	}()
	<-waiting
	publish(t, publisher(t, b, "t"), "first")
	if f := <-got; f != "first" {
		t.Errorf("got %q, want the first frame", f)
	}
}

func TestAnOverwrittenPositionStartsWithTheOldest(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", overwriteRing(8))
	for i := range 100 {
		publish(t, p, fmt.Sprint(i))
	}
	for _, start := range []bus.SubscribeOption{bus.FromPosition(3), bus.FromOldest(), bus.LastN(1000)} {
		s := subscribe(t, b, "t", start)
		got := drain(t, s)
		if len(got) == 0 || len(got) > 8 || got[len(got)-1] != "99" {
			t.Errorf("got %q", got)
		}
		if s.Lost() != 0 {
			t.Errorf("%d lost, of frames that were gone before", s.Lost())
		}
	}
}

// TestOfSeveralStartsTheLastCounts, also after a position.
func TestOfSeveralStartsTheLastCounts(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	publish(t, p, "0", "1", "2", "3")
	expect(t, subscribe(t, b, "t", bus.FromPosition(2), bus.FromOldest()), "0")
	expect(t, subscribe(t, b, "t", bus.FromPosition(2), bus.LastN(3)), "1")
	expect(t, subscribe(t, b, "t", bus.FromPosition(2), bus.FromFirst()), "0")
	expect(t, subscribe(t, b, "t", bus.FromOldest(), bus.FromPosition(2)), "2")
	s := subscribe(t, b, "t", bus.FromPosition(1000), bus.FromNewest())
	publish(t, p, "4")
	expect(t, s, "4")
}

// TestWhatIsNotAskedForIsPassedOverInOneCall: a position that is still to come, with more frames before it than are read ahead.
func TestWhatIsNotAskedForIsPassedOverInOneCall(t *testing.T) {
	for _, opt := range []bus.SubscribeOption{bus.Lossless(), bus.Lossy(), bus.ReadOnly()} {
		b, err := bus.Open(newDir(t))
		noError(t, err)
		p := publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 64}))
		s := subscribe(t, b, "t", opt, bus.FromPosition(20))
		for i := range 30 {
			publish(t, p, string(rune('a'+i)))
		}
		f, err := s.TryReceive()
		if err != nil || f == nil || f.Position() != 20 {
			t.Errorf("the first call gives %v, %v", f, err)
		}
		noError(t, b.Close())
	}
}

// TestACallThatPassesOverFramesHearsOfItsContext: it takes milliseconds to pass over so many, and a millisecond or two to notice.
func TestACallThatPassesOverFramesHearsOfItsContext(t *testing.T) {
	const frames = 1 << 19
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(frames))
	subs := []*bus.Subscriber{
		subscribe(t, b, "t", bus.FromPosition(2*frames)), subscribe(t, b, "t", bus.FromPosition(2*frames), bus.ReadOnly()),
		subscribe(t, b, "t", bus.FromPosition(2*frames), bus.Lossless()),
	}
	empty := make([][]byte, 1024)
	for range frames / len(empty) {
		_, err := p.PublishBatch(soon(t), empty)
		noError(t, err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for i, s := range subs {
		if _, err := s.Receive(done); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if st := s.Stats(); st.Position == frames && i < 2 { // a lossless one is quick, because it copies nothing
			t.Errorf("subscription %d heard of its context when it had passed over all frames", i)
		}
		var set bus.WaitSet
		set.Add(s)
		if _, _, err := set.Receive(done); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if st := s.Stats(); st.Position != frames || st.Received != 0 { // that one does not wait, but gets what is there
			t.Errorf("subscription %d: %+v", i, st)
		}
		noError(t, s.Close())
	}
}

// Batches as well, also where a position in the future lies amid runs.
func TestABatchBeginsAtAPositionInTheFuture(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(256))
	s := subscribe(t, b, "t", bus.Lossless(), bus.FromPosition(150))
	var batch bus.Batch
	for range 6 {
		publishRun(t, p, 32)
		if err := s.ReceiveBatch(done(), &batch); err == nil {
			break
		} else if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if batch.Len() == 0 {
		t.Fatal("nothing came")
	}
	if batch.Position(0) != 150 {
		t.Fatalf("%d frames, from %d on", batch.Len(), batch.Position(0))
	}
}
