package bus_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shmbus/bus"
)

func TestRemovingATopicEndsAllWhoWaitOnIt(t *testing.T) {
	b := newBus(t)
	other := openAt(t, b.Dir())
	p := publisher(t, other, "t", losslessRing(8))
	gate := subscribe(t, other, "t", bus.Lossless())
	lossy := subscribe(t, other, "t")
	tap := subscribe(t, other, "t", bus.ReadOnly())
	results := make(chan error, 3)
	go func() {
		_, err := p.PublishBatch(soon(t), make([][]byte, 9)) // one more than there is room for
		results <- err
	}()
	eventually(t, 10*time.Second, "the ring is full", func() bool {
		st, err := b.Stat("t")
		return err == nil && st.Tail == 8
	})
	for _, s := range []*bus.Subscriber{lossy, tap} {
		for range 8 {
			receive(t, s).Release()
		}
		go func() {
			_, err := s.Receive(soon(t))
			results <- err
		}()
	}
	start := time.Now()
	noError(t, b.RemoveTopic("t"))
	for range 3 {
		is(t, <-results, bus.ErrNoTopic, `"t"`, "removed")
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took them %v to notice", d)
	}
	for range 8 { // what was published before is still a lossless subscription's
		receive(t, gate).Release()
	}
	for range 2 {
		_, err := gate.Receive(soon(t))
		is(t, err, bus.ErrNoTopic, `"t"`, "removed")
		_, err = gate.TryReceive()
		is(t, err, bus.ErrNoTopic)
	}
	is(t, p.TryPublish(nil), bus.ErrNoTopic, `"t"`)
	is(t, p.Encode(soon(t), 1), bus.ErrNoTopic, `"t"`)
	_, err := p.Loan(soon(t), 1)
	is(t, err, bus.ErrNoTopic, `"t"`)
	is(t, b.RemoveTopic("t"), bus.ErrNoTopic, `"t"`)
	_, err = b.Stat("t")
	is(t, err, bus.ErrNoTopic, `"t"`)
	_, err = b.Subscribe(soon(t), "t")
	is(t, err, bus.ErrNoTopic, `"t"`, "WaitForTopic")
}

// TestWhatARemovalTakesIsCountedAsLost: of lossy subscriptions and taps, however they receive, and whether or not they wait for the next topic.
func TestWhatARemovalTakesIsCountedAsLost(t *testing.T) {
	text := func(f *bus.Frame, err error) (string, error) {
		if f == nil {
			return "", err
		}
		defer f.Release()
		return string(f.Bytes()), err
	}
	ways := map[string]func(s *bus.Subscriber) (string, error){
		"Receive":    func(s *bus.Subscriber) (string, error) { return text(s.Receive(soon(t))) },
		"TryReceive": func(s *bus.Subscriber) (string, error) { return text(s.TryReceive()) },
		"ReceiveBatch": func(s *bus.Subscriber) (string, error) {
			var batch bus.Batch
			if err := s.ReceiveBatch(soon(t), &batch); err != nil {
				return "", err
			}
			defer batch.Release()
			return string(batch.Bytes(0)), nil
		},
		"WaitSet": func(s *bus.Subscriber) (string, error) {
			var set bus.WaitSet
			set.Add(s)
			defer set.Remove(s)
			_, f, err := set.Receive(soon(t))
			return text(f, err)
		},
	}
	for way, next := range ways {
		for _, mode := range []bus.SubscribeOption{bus.Lossy(), bus.ReadOnly()} {
			b := newBus(t)
			p, q := publisher(t, b, "t", overwriteRing(256)), publisher(t, b, "t")
			publish(t, p, "before they came")
			follows, stays := subscribe(t, b, "t", mode, bus.WaitForTopic()), subscribe(t, b, "t", mode)
			for i := range 300 { // 44 of them are overwritten
				publish(t, p, "p")
				if i%3 == 0 {
					publish(t, q, "q")
				}
			}
			for range 10 {
				receive(t, follows).Release()
			}
			noError(t, b.RemoveTopic("t"))
			if _, err := next(stays); !errors.Is(err, bus.ErrNoTopic) {
				t.Errorf("%s: without a topic: %v", way, err)
			}
			if n := stays.Lost(); n != 400 {
				t.Errorf("%s: %d of 400 frames are lost", way, n)
			}
			publish(t, publisher(t, b, "t"), "next")
			if got, err := next(follows); got != "next" || err != nil {
				t.Fatalf("%s: got %q, %v", way, got, err)
			}
			if n := follows.Lost(); n != 390 {
				t.Errorf("%s: %d of 400 frames are lost, 10 were received", way, n)
			}
		}
	}
}

// TestNoFrameIsForgottenAtARemoval: each was received or is lost, also of those that are published at that moment.
func TestNoFrameIsForgottenAtARemoval(t *testing.T) {
	b := newBus(t)
	for range 20 {
		ps := []*bus.Publisher{publisher(t, b, "t", overwriteRing(64)), publisher(t, b, "t")}
		s := subscribe(t, b, "t")
		var sent atomic.Uint64
		var at sync.WaitGroup
		for _, p := range ps {
			at.Go(func() {
				for p.TryPublish([]byte("x")) == nil {
					sent.Add(1)
				}
			})
		}
		received := uint64(0)
		for {
			f, err := s.Receive(soon(t))
			if err != nil {
				is(t, err, bus.ErrNoTopic)
				break
			}
			f.Release()
			if received++; received == 100 {
				noError(t, b.RemoveTopic("t"))
			}
		}
		at.Wait()
		if n := received + s.Lost(); n != sent.Load() {
			t.Errorf("%d received and lost of %d", n, sent.Load())
		}
		for _, p := range ps {
			noError(t, p.Close())
		}
		noError(t, s.Close())
	}
}

func TestALoanOfARemovedTopicCanBeCommitted(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	l := loan(t, p, 1000)
	noError(t, b.RemoveTopic("t"))
	noError(t, b.CreateTopic("t", bus.TopicOptions{}))
	for i := range l.Bytes() {
		l.Bytes()[i] = 1
	}
	noError(t, l.Commit()) // to nobody
	is(t, p.Publish(soon(t), nil), bus.ErrNoTopic)
	q := publisher(t, b, "t")
	s := subscribe(t, b, "t", bus.FromOldest())
	publish(t, q, "new")
	expect(t, s, "new")
}

func TestASubscriberThatWaitsFollowsItsTopicThroughRemovals(t *testing.T) {
	b := newBus(t)
	other := openAt(t, b.Dir())
	for _, mode := range []bus.SubscribeOption{bus.Lossy(), bus.Lossless(), bus.ReadOnly()} {
		s := func() *bus.Subscriber {
			defer publisher(t, other, "t", losslessRing(16)).Close()
			return subscribe(t, b, "t", mode, bus.WaitForTopic())
		}()
		got := make(chan string)
		ctx, cancel := context.WithCancel(soon(t))
		go func() {
			defer close(got)
			for f, err := range s.Frames(ctx) {
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					return
				}
				got <- string(f.Bytes())
			}
		}()
		for range 20 {
			p := publisher(t, other, "t", losslessRing(16))
			publish(t, p, "1", "2")
			for _, want := range []string{"1", "2"} {
				if f := <-got; f != want {
					t.Fatalf("got %q, want %q", f, want)
				}
			}
			noError(t, p.Close())
			noError(t, other.RemoveTopic("t"))
		}
		cancel()
		<-got
		noError(t, s.Close())
	}
}

func TestTryReceiveFollowsItsTopicThroughRemovals(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("t", bus.TopicOptions{}))
	s := subscribe(t, b, "t", bus.WaitForTopic())
	for range 10 {
		p := publisher(t, b, "t")
		publish(t, p, "x")
		var f *bus.Frame
		eventually(t, 5*time.Second, "the frame is there", func() bool {
			var err error
			f, err = s.TryReceive()
			noError(t, err)
			return f != nil
		})
		f.Release()
		noError(t, b.RemoveTopic("t"))
		noError(t, p.Close())
		for range 3 {
			nothing(t, s)
		}
	}
}

func TestPublishersOpenedWhileTopicsComeAndGoFindOne(t *testing.T) {
	dir := newDir(t)
	rounds := 150
	if long {
		rounds = 3000
	}
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		b := openAt(t, dir)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := b.RemoveTopic("t"); err != nil && !errors.Is(err, bus.ErrNoTopic) {
				t.Error(err)
				return
			}
		}
	})
	var makers sync.WaitGroup
	for range 3 {
		makers.Go(func() {
			b := openAt(t, dir)
			for range rounds {
				p, err := b.Publisher("t", overwriteRing(8))
				if err != nil {
					t.Error(err)
					return
				}
				if err := p.Publish(soon(t), nil); err != nil && !errors.Is(err, bus.ErrNoTopic) {
					t.Error(err)
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	makers.Wait()
	close(stop)
	wait.Wait()
}

func TestFirstOpenersAgreeOnOneSegmentAndOneTopic(t *testing.T) {
	for range 10 {
		dir := newDir(t)
		var wait sync.WaitGroup
		ids := make(chan uint64, 8)
		start := make(chan struct{})
		for range 8 {
			b := openAt(t, dir)
			wait.Go(func() {
				<-start
				p, err := b.Publisher("t")
				if err != nil {
					t.Error(err)
					return
				}
				ids <- p.ID()
				if err := p.Publish(soon(t), nil); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		wait.Wait()
		close(ids)
		seen := map[uint64]bool{}
		for id := range ids {
			seen[id] = true
		}
		b := openAt(t, dir)
		st, err := b.Stat("t")
		noError(t, err)
		if len(seen) != 8 || st.Frames != 8 {
			t.Errorf("%d different ids of 8, and %d frames on the topic", len(seen), st.Frames)
		}
	}
}

func TestReadingNeverMakesTheDirectory(t *testing.T) {
	b := newBus(t)
	for _, mode := range []bus.SubscribeOption{bus.Lossy(), bus.Lossless(), bus.ReadOnly()} {
		_, err := b.Subscribe(soon(t), "t", mode)
		is(t, err, bus.ErrNoTopic, `"t"`)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		_, err = b.Subscribe(ctx, "t", mode, bus.WaitForTopic())
		cancel()
		is(t, err, context.DeadlineExceeded, `"t"`)
	}
	_, err := b.Stat("t")
	is(t, err, bus.ErrNoTopic)
	_, err = b.Topics()
	noError(t, err)
	is(t, b.RemoveTopic("t"), bus.ErrNoTopic, `"t"`)
	if _, err := os.Stat(b.Dir()); !os.IsNotExist(err) {
		t.Errorf("the directory is there: %v", err)
	}
}

func TestWhoWaitsForTopicsIsNotToldOfARemovalWhenTheBusIsClosed(t *testing.T) {
	for name, receive := range map[string]func(s *bus.Subscriber) error{
		"Receive": func(s *bus.Subscriber) error { _, err := s.Receive(context.Background()); return err },
		"TryReceive": func(s *bus.Subscriber) (err error) {
			for err == nil {
				_, err = s.TryReceive()
			}
			return err
		},
	} {
		dir := newDir(t)
		for range 100 {
			b, err := bus.Open(dir)
			noError(t, err)
			noError(t, b.CreateTopic("t", bus.TopicOptions{Slots: 8}))
			s := subscribe(t, b, "t", bus.WaitForTopic())
			noError(t, b.RemoveTopic("t"))
			ended := make(chan error)
			go func() { ended <- receive(s) }()
			noError(t, b.Close())
			if err := <-ended; !errors.Is(err, bus.ErrClosed) {
				t.Fatalf("%s: got %v, want ErrClosed", name, err)
			}
		}
	}
}
