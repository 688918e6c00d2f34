package bus_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"shmbus/bus"
)

// absentIn is a subscription in a set that sleeps, whose topic is gone and is waited for.
func absentIn(t *testing.T, b *bus.Bus, set *bus.WaitSet, name string, opts ...bus.SubscribeOption) *bus.Subscriber {
	t.Helper()
	noError(t, b.CreateTopic(name, bus.TopicOptions{Policy: bus.PolicyLossless}))
	s := subscribe(t, b, name, append(opts, bus.WaitForTopic())...)
	set.Add(s)
	noError(t, b.RemoveTopic(name))
	short, cancel := context.WithTimeout(soon(t), 5*time.Millisecond)
	defer cancel()
	if got, _, err := set.Receive(short); got != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(got, err)
	}
	return s
}

// TestASetThatWaitsForATopicHearsOfCloseAtOnce: not only when it looks for the topic again, four times a second. Of the nine, five are quicker
// than that on any machine.
func TestASetThatWaitsForATopicHearsOfCloseAtOnce(t *testing.T) {
	closes := map[string]func(b *bus.Bus, s *bus.Subscriber) error{
		"the subscription's": func(_ *bus.Bus, s *bus.Subscriber) error { return s.Close() },
		"the bus's":          func(b *bus.Bus, _ *bus.Subscriber) error { return b.Close() },
	}
	for name, closing := range closes {
		t.Run(name, func(t *testing.T) {
			var took []time.Duration
			for range 9 {
				b := newBus(t)
				var set bus.WaitSet
				s := absentIn(t, b, &set, "gone", bus.Lossless())
				began := make(chan time.Time, 1)
				go func() {
					pause(time.Millisecond)
					began <- time.Now()
					if err := closing(b, s); err != nil {
						t.Error(err)
					}
				}()
				got, _, err := set.Receive(soon(t))
				ended := time.Now()
				if got != s || !errors.Is(err, bus.ErrClosed) || set.Len() != 0 {
					t.Fatalf("%v, %v, and %d are left", got, err, set.Len())
				}
				took = append(took, ended.Sub(<-began))
			}
			slices.Sort(took)
			if took[4] > 25*time.Millisecond {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// One that is closed while others wait does not end their waiting, and one whose topic comes gets its frames.
func TestASetThatWaitsForATopicGoesOnWithTheOthers(t *testing.T) {
	b, ctx := newBus(t), soon(t)
	var set bus.WaitSet
	closed, taken, comes := absentIn(t, b, &set, "closed"), absentIn(t, b, &set, "taken"), absentIn(t, b, &set, "comes")
	set.Remove(taken)
	noError(t, taken.Close())
	noError(t, closed.Close())
	if s, _, err := set.Receive(ctx); s != closed || !errors.Is(err, bus.ErrClosed) {
		t.Fatal(s, err)
	}
	p := publisher(t, b, "comes", small(bus.PolicyLossless))
	publish(t, p, "first")
	s, f, err := set.Receive(ctx)
	if s != comes || err != nil || string(f.Bytes()) != "first" {
		t.Fatal(s, f, err)
	}
	f.Release()
	if set.Len() != 1 {
		t.Errorf("%d are left", set.Len())
	}
}

// TestWhatASetWaitsForIsReceivedFromOtherwise: it should not be, but then nothing is undone that the set did not do, nor left of what it did.
func TestWhatASetWaitsForIsReceivedFromOtherwise(t *testing.T) {
	b := newBus(t)
	var set bus.WaitSet
	noError(t, b.CreateTopic("goes", bus.TopicOptions{Policy: bus.PolicyLossless}))
	goes := subscribe(t, b, "goes", bus.WaitForTopic())
	set.Add(goes)
	short, cancel := context.WithTimeout(soon(t), 5*time.Millisecond)
	defer cancel()
	if _, _, err := set.Receive(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	noError(t, b.RemoveTopic("goes"))
	eventually(t, 5*time.Second, "the subscription has left the topic", func() bool {
		f, err := goes.TryReceive()
		return f == nil && err == nil && goes.Stats().Position == 0
	})
	set.Remove(goes)

	comes := absentIn(t, b, &set, "comes")
	p := publisher(t, b, "comes", small(bus.PolicyLossless))
	eventually(t, 5*time.Second, "the subscription has come to the topic", func() bool {
		publish(t, p, "frame")
		f, err := comes.TryReceive()
		noError(t, err)
		return f != nil
	})
	set.Remove(comes)
	noError(t, goes.Close())
	noError(t, comes.Close())
}

// TestADroppedSetLeavesNothingOfASubscriptionThatWasClosed: in which it was, and waited for its topic. The Bus goes on.
func TestADroppedSetLeavesNothingOfASubscriptionThatWasClosed(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "there")
	other := subscribe(t, b, "there")
	ctx := soon(t)
	round := func() {
		noError(t, b.CreateTopic("gone", bus.TopicOptions{Slots: 8}))
		s, err := b.Subscribe(ctx, "gone", bus.WaitForTopic()) // not kept to the test's end
		noError(t, err)
		noError(t, b.RemoveTopic("gone"))
		var set bus.WaitSet
		set.Add(s)
		set.Add(other)
		noError(t, p.Publish(ctx, []byte("x")))
		_, f, err := set.Receive(ctx) // s is asleep in the set from here on
		noError(t, err)
		f.Release()
		set.Remove(other)
		noError(t, s.Close())
	}
	objects := func() uint64 {
		for range 3 { // what has a finalizer takes more than one
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapObjects
	}
	const rounds = 200
	round()
	before := objects()
	for range rounds {
		round()
	}
	if after := objects(); after > before+rounds {
		t.Errorf("%d objects are left of %d sets", after-before, rounds)
	}
}
