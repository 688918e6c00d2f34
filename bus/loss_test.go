package bus_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"shmbus/bus"
)

func TestLossIsExactAndToldByPublisher(t *testing.T) {
	for _, mode := range []bus.SubscribeOption{bus.Lossy(), bus.ReadOnly()} {
		b := newBus(t)
		ps := []*bus.Publisher{publisher(t, b, "t", overwriteRing(16)), publisher(t, b, "t"), publisher(t, b, "t")}
		publish(t, ps[0], "before it came")
		s := subscribe(t, b, "t", mode)
		rnd := rand.New(rand.NewPCG(3, 4))
		sent, got := map[uint64]uint64{}, map[uint64]uint64{}
		read := func(n int) {
			for range n {
				f, err := s.TryReceive()
				noError(t, err)
				if f == nil {
					return
				}
				got[f.Publisher()]++
				f.Release()
			}
		}
		for range 500 {
			for range rnd.IntN(40) {
				p := ps[rnd.IntN(len(ps))]
				noError(t, p.TryPublish(make([]byte, rnd.IntN(p.MaxFrame()/4))))
				sent[p.ID()]++
			}
			read(rnd.IntN(5))
			i := rnd.IntN(len(ps))
			if rnd.IntN(10) == 0 { // leaves, and another comes
				noError(t, ps[i].Close())
				ps[i] = publisher(t, b, "t")
			}
		}
		read(1000)
		total := uint64(0)
		by := s.LostBy()
		for id, n := range sent {
			total += n
			if got[id]+by[id] != n && by[0] == 0 {
				// Frames of publishers that came and went unseen on a line may be told of a neighbour's.
				t.Logf("publisher %d: %d received and %d lost of %d", id, got[id], by[id], n)
			}
		}
		all := uint64(0)
		for n := range maps.Values(got) {
			all += n
		}
		if all+s.Lost() != total || s.Lost() == 0 {
			t.Errorf("%d received and %d lost of %d", all, s.Lost(), total)
		}
	}
}

func TestLossByPublisherIsExactForThoseThatStay(t *testing.T) {
	b := newBus(t)
	ps := []*bus.Publisher{publisher(t, b, "t", overwriteRing(8)), publisher(t, b, "t"), publisher(t, b, "t")}
	s := subscribe(t, b, "t")
	got := map[uint64]uint64{}
	for i := range 3000 {
		publish(t, ps[i*i%3], "x")
		if i%11 == 0 {
			f := receive(t, s)
			got[f.Publisher()]++
			f.Release()
		}
	}
	for f, err := s.TryReceive(); f != nil; f, err = s.TryReceive() {
		noError(t, err)
		got[f.Publisher()]++
		f.Release()
	}
	sent := map[uint64]uint64{}
	for i := range 3000 {
		sent[ps[i*i%3].ID()]++
	}
	lost := uint64(0)
	for id, n := range s.LostBy() {
		lost += n
		if got[id]+n != sent[id] {
			t.Errorf("publisher %d: %d received and %d lost of %d", id, got[id], n, sent[id])
		}
	}
	if lost != s.Lost() {
		t.Errorf("%d lost by publisher, %d in all", lost, s.Lost())
	}
}

func TestFramesOfPublishersThatLeftAreCounted(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("t", bus.TopicOptions{Slots: 8}))
	s := subscribe(t, b, "t")
	for range 10 {
		p := publisher(t, b, "t")
		for range 100 {
			publish(t, p, "x")
		}
		noError(t, p.Close())
	}
	got := uint64(len(drain(t, s)))
	if got+s.Lost() != 1000 || got > 8 {
		t.Errorf("%d received and %d lost of 1000", got, s.Lost())
	}
}

func TestCountsStayWhenTheBusIsClosed(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", overwriteRing(8))
	s := subscribe(t, b, "t")
	for i := range 100 {
		publish(t, p, fmt.Sprint(i))
	}
	got := uint64(len(drain(t, s)))
	lost := s.Lost()
	if got+lost != 100 {
		t.Fatalf("%d received and %d lost of 100", got, lost)
	}
	noError(t, b.Close())
	if st := s.Stats(); s.Lost() != lost || st.Received != got || st.Lost != lost {
		t.Errorf("%d received, %d lost; after the bus was closed %+v, %d", got, lost, st, s.Lost())
	}
	noError(t, s.Close())
	if st := s.Stats(); s.Lost() != lost || st.Received != got {
		t.Errorf("%d received, %d lost; after Close %+v, %d", got, lost, st, s.Lost())
	}
}

func TestCountsGoOnWithTheNextTopicOfThatName(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", overwriteRing(8))
	s := subscribe(t, b, "t", bus.WaitForTopic())
	for range 100 {
		publish(t, p, "x")
	}
	got := uint64(len(drain(t, s)))
	noError(t, b.RemoveTopic("t"))
	p = publisher(t, b, "t", overwriteRing(8))
	for range 50 {
		publish(t, p, "x")
	}
	for n := 1; n > 0; {
		n = len(drain(t, s))
		got += uint64(n)
	}
	if got+s.Lost() != 150 || s.Stats().Received != got {
		t.Errorf("%d received and %d lost of 150; %+v", got, s.Lost(), s.Stats())
	}
}

// TestATopicThatIsMadeAgainIsReadFromItsFirstFrame: what was overwritten before the subscription came to it is counted, also by one that is
// lossless, for which nobody waits before it is there. A group counts nothing.
func TestATopicThatIsMadeAgainIsReadFromItsFirstFrame(t *testing.T) {
	for name, mode := range map[string]bus.SubscribeOption{
		"lossy": bus.Lossy(), "lossless": bus.Lossless(), "tap": bus.ReadOnly(), "group": bus.Group("g"),
	} {
		for _, frames := range []int{5, 8, 50} {
			b := newBus(t)
			publisher(t, b, "t", losslessRing(8))
			s := subscribe(t, b, "t", mode, bus.WaitForTopic())
			noError(t, b.RemoveTopic("t"))
			p, q := publisher(t, b, "t", losslessRing(8)), publisher(t, b, "t")
			for i := range frames / 2 {
				publish(t, p, fmt.Sprint(i))
			}
			for i := frames / 2; i < frames; i++ {
				publish(t, q, fmt.Sprint(i))
			}
			left := min(frames, 8)
			for i := frames - left; i < frames; i++ {
				expect(t, s, fmt.Sprint(i))
			}
			want, by := uint64(frames-left), map[uint64]uint64{}
			if name == "group" {
				want = 0
			}
			if want > 0 {
				by = map[uint64]uint64{p.ID(): uint64(frames / 2), q.ID(): want - uint64(frames/2)}
			}
			if n := s.Lost(); n != want || !maps.Equal(s.LostBy(), by) {
				t.Errorf("%s: of %d frames %d were received, and %d lost, %v", name, frames, left, n, s.LostBy())
			}
			publish(t, p, "next")
			expect(t, s, "next")
			noError(t, s.Close())
			if st := s.Stats(); st.Lost != want || st.Received != uint64(left+1) {
				t.Errorf("%s: after Close %+v", name, st)
			}
		}
	}
}

func TestWhatWasLostIsCountedAlsoAfterClose(t *testing.T) {
	for name, end := range map[string]func(b *bus.Bus, s *bus.Subscriber) error{
		"subscriber": func(_ *bus.Bus, s *bus.Subscriber) error { return s.Close() },
		"bus":        func(b *bus.Bus, _ *bus.Subscriber) error { return b.Close() },
	} {
		b := newBus(t)
		p := publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{Slots: 8}))
		q := publisher(t, b, "t")
		s := subscribe(t, b, "t")
		for range 10 {
			publish(t, p, "lost")
		}
		for range 8 {
			publish(t, q, "kept")
		}
		for range 8 {
			expect(t, s, "kept")
		}
		noError(t, end(b, s)) // nobody has asked before, and nothing of p's has come
		if n := s.Lost(); n != 10 {
			t.Errorf("%s closed: %d frames lost, want 10", name, n)
		}
	}
}

func TestLossesOfAClosedSubscriptionAreToldByPublisher(t *testing.T) {
	for name, mode := range map[string]bus.SubscribeOption{"lossy": bus.Lossy(), "read-only": bus.ReadOnly()} {
		b := newBus(t)
		p, q := publisher(t, b, "t", overwriteRing(8)), publisher(t, b, "t")
		s := subscribe(t, b, "t", mode)
		for range 20 {
			publish(t, p, "p")
		}
		receive(t, s).Release()
		for range 20 {
			publish(t, q, "q")
		}
		noError(t, s.Close())
		sum, by := uint64(0), s.LostBy()
		for _, n := range by {
			sum += n
		}
		if by[p.ID()] == 0 || sum != s.Lost() || sum == 0 {
			t.Errorf("%s: %v by publisher, %d in all", name, by, s.Lost())
		}
	}
}

// TestWhatARemovalTookIsCountedAfterClose: a subscription that is closed, by itself or with its Bus, before anybody asked it says what it would have said.
func TestWhatARemovalTookIsCountedAfterClose(t *testing.T) {
	for way, end := range map[string]func(b *bus.Bus, s *bus.Subscriber) error{
		"Subscriber": func(_ *bus.Bus, s *bus.Subscriber) error { return s.Close() },
		"Bus":        func(b *bus.Bus, _ *bus.Subscriber) error { return b.Close() },
	} {
		for _, mode := range []bus.SubscribeOption{bus.Lossy(), bus.ReadOnly()} {
			for _, told := range []bool{false, true} {
				b := newBus(t)
				reading := openAt(t, b.Dir())
				p := publisher(t, b, "t", overwriteRing(256))
				s := subscribe(t, reading, "t", mode)
				for range 300 { // 44 of them are overwritten
					publish(t, p, "x")
				}
				receive(t, s).Release()
				noError(t, b.RemoveTopic("t"))
				if told {
					_, err := s.Receive(soon(t))
					is(t, err, bus.ErrNoTopic)
				}
				noError(t, end(reading, s))
				by, st := s.LostBy(), s.Stats()
				if s.Lost() != 299 || by[p.ID()] != 299 || len(by) != 1 || st.Lost != 299 || st.Received != 1 {
					t.Errorf("closed by its %s, told %v: %d of 300 are lost, by publisher %v, %+v", way, told, s.Lost(), by, st)
				}
			}
		}
	}
}
