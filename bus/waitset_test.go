package bus_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

// small is a topic's shape that takes little memory.
func small(policy bus.Policy) bus.PublisherOption {
	return bus.WithTopic(bus.TopicOptions{Slots: 64, Policy: policy, MaxPublishers: 2, MaxSubscribers: 4})
}

// TestAWaitSetGetsEveryFrameOfManyTopics: publishers send bursts on topics drawn at random; lossless subscriptions get all, in order.
func TestAWaitSetGetsEveryFrameOfManyTopics(t *testing.T) {
	const count = 200
	frames := 20000
	if testing.Short() {
		frames = 2000
	}
	b, ctx := newBus(t), soon(t)
	var set bus.WaitSet
	pubs, next := make([]*bus.Publisher, count), map[string]uint64{}
	for i := range pubs {
		name := fmt.Sprint("t/", i)
		pubs[i] = publisher(t, b, name, small(bus.PolicyLossless))
		set.Add(subscribe(t, b, name, bus.Lossless()))
	}
	if set.Len() != count {
		t.Fatalf("%d subscriptions", set.Len())
	}
	go func() {
		rnd, sent := rand.New(rand.NewPCG(5, 6)), make([]uint64, count)
		for n := 0; n < frames; {
			i := rnd.IntN(count)
			for range min(rnd.IntN(20), frames-n) {
				n++
				sent[i]++
				if err := pubs[i].Publish(ctx, binary.LittleEndian.AppendUint64(nil, sent[i])); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	for n := range frames {
		s, f, err := set.Receive(ctx)
		if err != nil {
			t.Fatalf("after %d of %d frames: %v", n, frames, err)
		}
		if next[s.Topic()]++; f.Topic() != s.Topic() || binary.LittleEndian.Uint64(f.Bytes()) != next[s.Topic()] {
			t.Fatalf("%s: %x, want frame %d", s.Topic(), f.Bytes(), next[s.Topic()])
		}
		f.Release()
	}
}

// A topic that is never quiet does not keep the others waiting.
func TestAWaitSetIsFair(t *testing.T) {
	b, ctx := newBus(t), soon(t)
	var set bus.WaitSet
	loud, quiet := publisher(t, b, "loud", small(bus.PolicyOverwrite)), publisher(t, b, "quiet", small(bus.PolicyOverwrite))
	set.Add(subscribe(t, b, "loud"))
	set.Add(subscribe(t, b, "quiet"))
	for round := range 100 {
		publish(t, loud, "a", "b", "c", "d", "e", "f", "g", "h")
		publish(t, quiet, "x")
		for n := 0; ; n++ {
			s, f, err := set.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			f.Release()
			if s.Topic() == "quiet" {
				break
			}
			if n == 4 {
				t.Fatalf("round %d: %d frames of the other topic came first", round, n)
			}
		}
		publish(t, loud, "never quiet")
	}
}

// Nor does it keep those waiting for which the set had been asleep, one whose topic comes later, and one that is closed elsewhere.
func TestAWaitSetThatIsNeverIdleLooksAfterAll(t *testing.T) {
	b, ctx := newBus(t), soon(t)
	var set bus.WaitSet
	loud, quiet := publisher(t, b, "loud", small(bus.PolicyLossless)), publisher(t, b, "quiet", small(bus.PolicyLossless))
	publisher(t, b, "comes", small(bus.PolicyLossless))
	closed, comes := subscribe(t, b, "quiet", bus.Lossless()), subscribe(t, b, "comes", bus.Lossless(), bus.WaitForTopic())
	for _, s := range []*bus.Subscriber{subscribe(t, b, "loud", bus.Lossless()), subscribe(t, b, "quiet", bus.Lossless()), closed, comes} {
		set.Add(s)
	}
	noError(t, b.RemoveTopic("comes"))
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if s, _, err := set.Receive(short); s != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(s, err) // now it sleeps for all of them
	}
	publish(t, loud, "one ahead")
	receive := func(want func(s *bus.Subscriber, err error) bool) {
		t.Helper()
		for n, end := 0, time.Now().Add(5*time.Second); ; n++ {
			publish(t, loud, "never quiet")
			s, f, err := set.Receive(ctx)
			if err == nil {
				f.Release()
			}
			if want(s, err) {
				return
			}
			if s.Topic() != "loud" && (s.Topic() != "quiet" || err != nil) || time.Now().After(end) {
				t.Fatalf("%s, %v after %d frames", s.Topic(), err, n)
			}
		}
	}
	for range 3 {
		for range 200 { // those that are not loud are asleep again
			receive(func(s *bus.Subscriber, err error) bool { return err == nil })
		}
		publish(t, quiet, "x")
		for range 2 {
			receive(func(s *bus.Subscriber, err error) bool { return err == nil && s.Topic() == "quiet" })
		}
	}
	noError(t, closed.Close())
	receive(func(s *bus.Subscriber, err error) bool { return s == closed && errors.Is(err, bus.ErrClosed) })
	publish(t, publisher(t, b, "comes", small(bus.PolicyLossless)), "here")
	receive(func(s *bus.Subscriber, err error) bool { return s == comes && err == nil })
	if set.Len() != 3 {
		t.Errorf("%d subscriptions are left", set.Len())
	}
}

func TestAWaitSetSaysWhichSubscriptionHasEnded(t *testing.T) {
	b, ctx := newBus(t), soon(t)
	var set bus.WaitSet
	keep := publisher(t, b, "keep", small(bus.PolicyOverwrite))
	publisher(t, b, "gone", small(bus.PolicyOverwrite))
	publisher(t, b, "back", small(bus.PolicyOverwrite))
	gone, back := subscribe(t, b, "gone"), subscribe(t, b, "back", bus.WaitForTopic())
	for _, s := range []*bus.Subscriber{subscribe(t, b, "keep"), gone, back} {
		set.Add(s)
	}
	receive := func(want string, wantErr error) {
		t.Helper()
		s, f, err := set.Receive(ctx)
		if s == nil || s.Topic() != want || !errors.Is(err, wantErr) {
			t.Fatalf("%v, %v; want %s, %v", s, err, want, wantErr)
		}
		if f != nil {
			f.Release()
		}
	}
	publish(t, keep, "1")
	receive("keep", nil)
	for _, name := range []string{"gone", "back"} {
		if err := b.RemoveTopic(name); err != nil {
			t.Fatal(err)
		}
	}
	receive("gone", bus.ErrNoTopic)
	publish(t, keep, "2")
	receive("keep", nil)
	publish(t, publisher(t, b, "back", small(bus.PolicyOverwrite)), "here again")
	receive("back", nil)
	set.Remove(back)
	if set.Len() != 1 {
		t.Fatalf("%d subscriptions are left", set.Len())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if s, f, err := set.Receive(ctx); s != nil || f != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v, %v, %v", s, f, err)
	}
}

// TestClosingTheBusEndsAWaitSet: each subscription says so.
func TestClosingTheBusEndsAWaitSet(t *testing.T) {
	b := newBus(t)
	var set bus.WaitSet
	for _, name := range []string{"a", "b"} {
		publisher(t, b, name, small(bus.PolicyOverwrite))
		set.Add(subscribe(t, b, name))
	}
	ctx := soon(t)
	go b.Close()
	for range 2 {
		if s, _, err := set.Receive(ctx); s == nil || !errors.Is(err, bus.ErrClosed) {
			t.Fatalf("%v, %v", s, err)
		}
	}
	if set.Len() != 0 {
		t.Errorf("%d subscriptions are left", set.Len())
	}
}

func init() { helpers["a thousand topics"] = aThousandTopics }

const thousand = 1000

// aThousandTopics receives rounds frames on each of the topics, in a goroutine each or in one, and says how many threads that has taken.
func aThousandTopics(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	defer b.Close()
	rounds, err := strconv.Atoi(peer.Arg(2))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var set bus.WaitSet
	ended := make(chan error, thousand)
	for i := range thousand {
		s, err := b.Subscribe(ctx, fmt.Sprint("t/", i), bus.Lossless(), bus.Block())
		if err != nil {
			return err
		}
		if peer.Arg(1) == "set" {
			set.Add(s)
			continue
		}
		go func() {
			for range rounds {
				f, err := s.Receive(ctx)
				if err != nil {
					ended <- err
					return
				}
				f.Release()
			}
			ended <- nil
		}()
	}
	peer.Say("subscribed")
	if peer.Arg(1) == "set" {
		for range thousand * rounds {
			_, f, err := set.Receive(ctx)
			if err != nil {
				return err
			}
			f.Release()
		}
	} else {
		for range thousand {
			if err := <-ended; err != nil {
				return err
			}
		}
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	peer.Say("%d threads", len(tasks))
	return nil
}

func TestAThousandTopicsTakeFewThreads(t *testing.T) {
	needsTheMachine(t, "it has threads of its own")
	if _, err := os.Stat("/proc/self/task"); err != nil {
		t.Skip("threads are counted in /proc:", err)
	}
	b := newBus(t)
	pubs := make([]*bus.Publisher, thousand)
	for i := range pubs {
		pubs[i] = publisher(t, b, fmt.Sprint("t/", i), small(bus.PolicyLossless))
	}
	for _, way := range []string{"set", "goroutines"} {
		const rounds = 5
		p := testproc.Start(t, "a thousand topics", b.Dir(), way, fmt.Sprint(rounds))
		p.Expect("subscribed")
		for range rounds {
			for _, p := range pubs {
				publish(t, p, "x")
			}
		}
		n := 0
		if _, err := fmt.Sscanf(p.Line(), "%d threads", &n); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d threads", way, n)
		if n > 24 { // 8 that sleep for 127 each, 8 that may have slept for one and are idle, those that run, and the runtime's own
			t.Errorf("%s: %d threads", way, n)
		}
		p.Wait()
	}
}

// One that is taken out while it has frames, and put in again, has one turn still: it does not keep the others waiting, and the set does not grow.
func TestASubscriptionThatComesBackHasOneTurn(t *testing.T) {
	b := newBus(t)
	var w bus.WaitSet
	subs := map[*bus.Subscriber]int{}
	var busy *bus.Subscriber
	for _, name := range []string{"t", "u"} {
		p := publisher(t, b, name, losslessRing(1024))
		busy = subscribe(t, b, name, bus.Lossless())
		w.Add(busy)
		for range 400 {
			publish(t, p, "frame")
		}
	}
	for range 100 {
		w.Remove(busy)
		w.Add(busy)
	}
	for range 400 {
		s, f, err := w.Receive(soon(t))
		noError(t, err)
		subs[s]++
		f.Release()
		if s == busy {
			w.Remove(s)
			w.Add(s)
		}
	}
	if subs[busy] < 199 || subs[busy] > 201 {
		t.Errorf("%d of 400 turns, beside one other subscription", subs[busy])
	}
}
