//go:build linux

package bus_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

func init() { helpers["hold ephemerally"] = holdEphemerally }

var ephemeral = bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless, Ephemeral: true})

// holdEphemerally publishes a frame on the ephemeral topic Arg(1), receives it, and holds both ends until it is killed or told to end.
// With Arg(2) its segment is ephemeral, too.
func holdEphemerally(peer *testproc.Peer) error {
	var opts []bus.Option
	if peer.Arg(2) != "" {
		opts = append(opts, bus.WithSegment(peer.Arg(2)), bus.WithEphemeral())
	}
	b, err := bus.Open(peer.Arg(0), opts...)
	if err != nil {
		return err
	}
	p, err := b.Publisher(peer.Arg(1), ephemeral)
	if err != nil {
		return err
	}
	if err := p.TryPublish([]byte("x")); err != nil {
		return err
	}
	peer.Say("ready")
	peer.Await()
	return b.Close()
}

// wantTopics fails unless these are the topics on the bus.
func wantTopics(t *testing.T, b *bus.Bus, want ...string) {
	t.Helper()
	all, err := b.Topics()
	noError(t, err)
	var have []string
	for _, i := range all {
		have = append(have, i.Name)
	}
	if fmt.Sprint(have) != fmt.Sprint(want) {
		t.Fatalf("the topics are %q, want %q", have, want)
	}
}

func TestAnEphemeralTopicGoesWithItsLastParticipant(t *testing.T) {
	b := newBus(t)
	other := openAt(t, b.Dir())
	noError(t, b.CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless, Ephemeral: true}))
	wantTopics(t, b, "t") // nobody has come yet
	tap := subscribe(t, b, "t", bus.ReadOnly())
	p := publisher(t, b, "t")
	lossy := subscribe(t, other, "t")
	gate := subscribe(t, other, "t", bus.Lossless())
	member := subscribe(t, other, "t", bus.Group("w"))
	st, err := b.Stat("t")
	noError(t, err)
	if !st.Ephemeral {
		t.Error("Stat does not say that it is ephemeral")
	}
	publish(t, p, "a", "b")
	noError(t, p.Close())
	p = publisher(t, other, "t") // the next one
	publish(t, p, "c")
	noError(t, p.Close())
	expect(t, lossy, "a", "b", "c")
	noError(t, errors.Join(lossy.Close(), gate.Close()))
	wantTopics(t, b, "t")
	receive(t, member) // in hand: there is nobody to hand it to
	noError(t, member.Close())
	wantTopics(t, b)
	eventually(t, 10*time.Second, "the tap is told", func() bool {
		f, err := tap.TryReceive()
		if f != nil {
			f.Release()
		}
		return errors.Is(err, bus.ErrNoTopic)
	})

	// One of that name is another one, and need not be ephemeral.
	p = publisher(t, b, "t")
	if p.ID() != 1 {
		t.Errorf("the first publisher of the new topic has id %d", p.ID())
	}
	noError(t, p.Close())
	wantTopics(t, b, "t")
}

func TestAnEphemeralTopicGoesWithTheBus(t *testing.T) {
	b := newBus(t)
	other := openAt(t, b.Dir())
	publish(t, publisher(t, b, "gone", ephemeral), "a")
	publish(t, publisher(t, b, "stays", lossless), "a")
	noError(t, b.Close())
	wantTopics(t, other, "stays")
}

// TestAnEphemeralTopicGoesWithTheDead: whoever is on the bus removes it, at once; if nobody is, whoever comes next finds it gone.
func TestAnEphemeralTopicGoesWithTheDead(t *testing.T) {
	dir := newDir(t)
	h := testproc.Start(t, "hold ephemerally", dir, "t")
	h.Expect("ready")
	b := openAt(t, dir)
	publisher(t, b, "another")
	wantTopics(t, b, "another", "t")
	start := time.Now()
	h.Kill()
	eventually(t, 10*time.Second, "the topic is gone", func() bool { _, err := b.Stat("t"); return errors.Is(err, bus.ErrNoTopic) })
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("it took %v", d)
	}
	noError(t, b.Close())

	for name, come := range map[string]func(*bus.Bus) error{
		"subscribe": func(b *bus.Bus) error {
			_, err := b.Subscribe(soon(t), "t", bus.FromOldest())
			if !errors.Is(err, bus.ErrNoTopic) {
				return fmt.Errorf("subscribing: %v, want ErrNoTopic", err)
			}
			return nil
		},
		"publish": func(b *bus.Bus) error {
			p, err := b.Publisher("t", lossless)
			if err == nil && p.ID() != 1 {
				err = fmt.Errorf("the publisher has id %d, and so the topic is the old one", p.ID())
			}
			return err
		},
		"create": func(b *bus.Bus) error {
			if err := b.CreateTopic("t", bus.TopicOptions{Slots: 16}); err != nil { // of another policy
				return err
			}
			st, err := b.Stat("t")
			if err == nil && (st.Slots != 16 || st.Frames != 0) {
				err = fmt.Errorf("it has %d slots and %d frames", st.Slots, st.Frames)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			h := testproc.Start(t, "hold ephemerally", dir, "t")
			h.Expect("ready")
			h.Kill()
			noError(t, come(openAt(t, dir)))
		})
	}
}

// files is what is left of segments in a bus directory.
func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	noError(t, err)
	for _, e := range entries {
		if e.Name() != "bus.lock" {
			all = append(all, e.Name())
		}
	}
	return all
}

func TestAnEphemeralSegmentGoesWithItsLastParticipant(t *testing.T) {
	dir := newDir(t)
	open := func() *bus.Bus { return openAt(t, dir, bus.WithSegment("brief"), bus.WithEphemeral()) }
	a, b := open(), open()
	noError(t, a.CreateTopic("t", bus.TopicOptions{}))
	p := publisher(t, b, "u")
	publish(t, p, "x")
	tap := subscribe(t, openAt(t, dir), "u", bus.ReadOnly(), bus.FromOldest())
	expect(t, tap, "x")
	noError(t, a.Close())
	wantTopics(t, b, "t", "u") // b is there
	noError(t, p.Close())
	wantTopics(t, b, "t", "u") // still
	noError(t, b.Close())
	if left := files(t, dir); left != nil {
		t.Fatalf("left are %q", left)
	}
	_, err := tap.Receive(soon(t))
	is(t, err, bus.ErrNoTopic)

	// Who makes a topic holds the segment, and so does who subscribes. With the dead it goes as well.
	c := openAt(t, dir)
	h := testproc.Start(t, "hold ephemerally", dir, "t", "brief")
	h.Expect("ready")
	publisher(t, c, "other") // in main.seg
	h.Kill()
	eventually(t, 10*time.Second, "the segment is gone", func() bool {
		return !strings.Contains(strings.Join(files(t, dir), " "), "brief")
	})
	if _, err := os.Stat(filepath.Join(dir, "main.seg")); err != nil {
		t.Error(err)
	}
	wantTopics(t, c, "other")
}

// TestAnEphemeralSegmentGoesWithTheDeadAlsoIfNobodyElseHasIt: whoever is on the bus removes it.
func TestAnEphemeralSegmentGoesWithTheDeadAlsoIfNobodyElseHasIt(t *testing.T) {
	dir := newDir(t)
	a := openAt(t, dir)
	publisher(t, a, "other") // in main.seg, before there is another
	h := testproc.Start(t, "hold ephemerally", dir, "t", "brief")
	h.Expect("ready")
	h.Kill()
	eventually(t, 15*time.Second, "the segment is gone", func() bool {
		return !strings.Contains(strings.Join(files(t, dir), " "), "brief")
	})
	wantTopics(t, a, "other")
}

// TestEphemeralTopicsWhileAllComeAndGo: whoever has opened a publisher can publish, and whoever has subscribed beside it gets the frame,
// however others come and go: nobody joins what is just being removed.
func TestEphemeralTopicsWhileAllComeAndGo(t *testing.T) {
	dir := newDir(t)
	rounds := 60
	if long {
		rounds = 300
	}
	var wg sync.WaitGroup
	for i := range 4 {
		var opts []bus.Option
		if i%2 == 0 {
			opts = append(opts, bus.WithSegment("brief"), bus.WithEphemeral())
		}
		rnd := rand.New(rand.NewPCG(uint64(i), 5))
		wg.Go(func() {
			b := openAt(t, dir, opts...)
			for range rounds {
				if err := comeAndGo(t, b, rnd); err != nil {
					t.Error(err)
					return
				}
				if rnd.IntN(8) == 0 {
					if err := b.Close(); err != nil {
						t.Error(err)
						return
					}
					b = openAt(t, dir, opts...)
				}
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b := openAt(t, dir)
	wantTopics(t, b)
	for _, f := range files(t, dir) {
		if !strings.HasPrefix(f, "main.") {
			t.Errorf("left is %s", f)
		}
	}
	wantFindings(t, b, "")
}

// comeAndGo publishes one frame on the topic, and sees that it arrives.
func comeAndGo(t *testing.T, b *bus.Bus, rnd *rand.Rand) error {
	p, err := b.Publisher("t", ephemeral)
	if err != nil {
		return err
	}
	s, err := b.Subscribe(soon(t), "t", []bus.SubscribeOption{bus.Lossless(), bus.Lossy()}[rnd.IntN(2)])
	if err != nil {
		return err
	}
	if err := p.Publish(soon(t), []byte("x")); err != nil {
		return err
	}
	for {
		f, err := s.Receive(soon(t))
		if err != nil {
			return err
		}
		mine := f.Publisher() == p.ID()
		f.Release()
		if mine {
			break
		}
	}
	if rnd.IntN(2) == 0 {
		return errors.Join(s.Close(), p.Close())
	}
	return errors.Join(p.Close(), s.Close())
}
