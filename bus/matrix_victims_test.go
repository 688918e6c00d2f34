//go:build linux && shmbus_sched

package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"sync"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

// What the victims of the crash matrix do, and where they end.

func init() {
	helpers["victim"] = victim
	helpers["leave a mess"] = leaveAMess
}

// A scene is what a victim does on a bus. say tells the test of a frame that is done with.
type scene func(b *bus.Bus, say func(string, ...any)) error

var scenes = map[string]scene{
	"publish":  publishAll,
	"wait":     waitInTurn,
	"lossless": receiveLossless,
	"lossy":    receiveLossy,
	"member":   beMember,
	"adopt":    adoptFrame,
	"reap":     reapAll,
	"topics":   makeAndRemove,
	"kick":     kickSelf,
	"alone":    publishExclusively,
	"stream":   publishStream,
	"brief":    comeAndGoAlone,
	"once":     publishOnce,
	"sole":     publishAsSole,
	"early":    publishEarly,
}

// victim plays scene Arg(1) on the bus Arg(0) and dies at site Arg(2), for the time Arg(3). Without a site it lives, and says which
// sites it came by, and how often.
func victim(peer *testproc.Peer) error {
	var mu sync.Mutex
	seen := make(map[string]int)
	if s := peer.Arg(2); s == "" {
		atSites(func(s string) {
			mu.Lock()
			seen[s]++
			mu.Unlock()
		})
	} else {
		n, err := strconv.Atoi(peer.Arg(3))
		if err != nil {
			return err
		}
		dieAt(s, n)
	}
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	err = scenes[peer.Arg(1)](b, peer.Say)
	if cerr := b.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	var names []string
	for s := range seen {
		names = append(names, s)
	}
	sort.Strings(names)
	for _, s := range names {
		peer.Say("site %d %s", seen[s], s)
	}
	peer.Say("end")
	return nil
}

// publishExclusively is the one publisher of an exclusive topic.
func publishExclusively(b *bus.Bus, _ func(string, ...any)) error {
	ctx, cancel := upTo(victimsPatience)
	defer cancel()
	p, err := b.Publisher("single", bus.WithTopic(bus.TopicOptions{Slots: 16, Exclusive: true}))
	if err != nil {
		return err
	}
	for i := range 40 {
		if err := p.Publish(ctx, make([]byte, 10+i%2*100)); err != nil {
			return err
		}
	}
	return p.Close()
}

// publishStream is the one publisher of a topic, whose frames come so quickly that runs grow; and of one that others may publish on.
func publishStream(b *bus.Bus, _ func(string, ...any)) error {
	ctx, cancel := upTo(victimsPatience)
	defer cancel()
	for _, topic := range []string{"stream", "streams"} {
		p, err := b.Publisher(topic, bus.WithTopic(bus.TopicOptions{Slots: 512, Exclusive: topic == "stream", NoTime: true}))
		if err != nil {
			return err
		}
		for i := range 800 {
			if err := p.Publish(ctx, make([]byte, 10+i/700)); err != nil {
				return err
			}
		}
		if err := p.Close(); err != nil {
			return err
		}
	}
	return nil
}

// publishAsSole is a publisher that is alone for so long that it stores the tail, until another one comes.
func publishAsSole(b *bus.Bus, _ func(string, ...any)) error {
	ctx, cancel := upTo(victimsPatience)
	defer cancel()
	p, err := b.Publisher("sole", bus.WithTopic(bus.TopicOptions{Slots: 64}))
	if err != nil {
		return err
	}
	q, err := b.Publisher("sole")
	if err != nil {
		return err
	}
	for range 1100 {
		if err := p.Publish(ctx, []byte("x")); err != nil {
			return err
		}
	}
	for _, p := range []*bus.Publisher{q, p, q} {
		if err := p.Publish(ctx, []byte("y")); err != nil {
			return err
		}
	}
	return errors.Join(p.Close(), q.Close())
}

// comeAndGoAlone makes an ephemeral topic, and another in an ephemeral segment, and leaves them as the last.
func comeAndGoAlone(b *bus.Bus, _ func(string, ...any)) error {
	brief, err := bus.Open(b.Dir(), bus.WithSegment("brief"), bus.WithEphemeral())
	if err != nil {
		return err
	}
	for b, topic := range map[*bus.Bus]string{b: "brief", brief: "brief/too"} {
		p, err := b.Publisher(topic, bus.WithTopic(bus.TopicOptions{Slots: 16, Ephemeral: b != brief}))
		if err != nil {
			return err
		}
		if err := errors.Join(p.TryPublish([]byte("x")), p.Close()); err != nil {
			return err
		}
	}
	return brief.Close()
}

// publishOnce publishes one frame, some time after its publisher was opened.
func publishOnce(b *bus.Bus, _ func(string, ...any)) error {
	p, err := b.Publisher("t")
	if err != nil {
		return err
	}
	time.Sleep(100 * time.Millisecond) // not synchronisation: those who were woken sleep again by then
	if err := p.TryPublish(make([]byte, 16)); err != nil {
		return err
	}
	return p.Close()
}

// publishEarly wakes a subscription that sleeps while its frame is not there yet.
func publishEarly(b *bus.Bus, _ func(string, ...any)) error {
	ctx, cancel := upTo(victimsPatience)
	defer cancel()
	p, err := b.Publisher("early", bus.EarlyWake())
	if err != nil {
		return err
	}
	for n := uint64(1); n <= 6; n += 2 {
		time.Sleep(20 * time.Millisecond) // not synchronisation: the subscription sleeps again by then
		if err := p.Publish(ctx, largeFrame(n)); err != nil {
			return err
		}
		l, err := p.Loan(ctx, 32<<10)
		if err != nil {
			return err
		}
		copy(l.Bytes(), largeFrame(n+1))
		if err := l.Commit(); err != nil {
			return err
		}
	}
	return p.Close()
}

// largeFrame is the n-th frame of such a publisher.
func largeFrame(n uint64) []byte { return bytes.Repeat([]byte{byte(n)}, 32<<10) }

func upTo(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

// patience is how long a victim waits for anything.
const victimsPatience = 20 * time.Second

func publishAll(b *bus.Bus, _ func(string, ...any)) error {
	ctx, cancel := upTo(victimsPatience)
	defer cancel()
	p, err := b.Publisher("t")
	if err != nil {
		return err
	}
	for i := range 40 { // with sizes that make it cross the ring's end
		if err := p.Publish(ctx, make([]byte, 64*(i%3)+16)); err != nil {
			return err
		}
	}
	if err := p.Encode(ctx, map[string]int{"a": 1}); err != nil {
		return err
	}
	if _, err := p.PublishBatch(ctx, [][]byte{make([]byte, 8), make([]byte, 80), make([]byte, 300), {}}); err != nil {
		return err
	}
	alike := make([][]byte, 6)
	for i := range alike {
		alike[i] = make([]byte, 24)
	}
	for range 4 {
		if _, err := p.PublishBatch(ctx, alike); err != nil {
			return err
		}
	}
	for range 8 {
		l, err := p.Loan(ctx, 700)
		if err != nil {
			return err
		}
		l.Abort()
		if l, err = p.Loan(ctx, 100); err != nil {
			return err
		}
		if err := l.CommitN(50); err != nil {
			return err
		}
	}
	return p.Close()
}

// waitInTurn fills a ring that its own subscription holds, and waits for room.
func waitInTurn(b *bus.Bus, _ func(string, ...any)) error {
	p, err := b.Publisher("own", losslessRing(8))
	if err != nil {
		return err
	}
	ctx, cancel := upTo(victimsPatience)
	defer cancel()
	s, err := b.Subscribe(ctx, "own", bus.Lossless())
	if err != nil {
		return err
	}
	for err == nil {
		err = p.TryPublish([]byte("x"))
	}
	if !errors.Is(err, bus.ErrBackpressure) {
		return err
	}
	briefly, stop := upTo(30 * time.Millisecond)
	defer stop()
	if err := p.Publish(briefly, []byte("y")); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("in a full ring: %w", err)
	}
	said := make(chan error, 1)
	go func() { said <- p.Publish(ctx, []byte("z")) }()
	for range 4 {
		f, err := s.Receive(ctx)
		if err != nil {
			return err
		}
		f.Release()
	}
	if err := <-said; err != nil {
		return err
	}
	return errors.Join(s.Close(), p.Close())
}

func receiveSome(b *bus.Bus, n int, say func(string, ...any), opts ...bus.SubscribeOption) error {
	ctx, cancel := upTo(victimsPatience)
	defer cancel()
	s, err := b.Subscribe(ctx, "t", opts...)
	if err != nil {
		return err
	}
	for range n {
		f, err := s.Receive(ctx)
		if err != nil {
			return err
		}
		if say != nil {
			say("did %d %d", f.Publisher(), f.Sequence())
		}
		f.Release()
	}
	s.Stats()
	return s.Close()
}

func receiveLossless(b *bus.Bus, _ func(string, ...any)) error {
	for _, o := range []bus.SubscribeOption{bus.FromNewest(), bus.FromOldest(), bus.LastN(3)} {
		if err := receiveSome(b, 60, nil, bus.Lossless(), bus.Block(), o); err != nil {
			return err
		}
	}
	return nil
}

func receiveLossy(b *bus.Bus, _ func(string, ...any)) error {
	if err := receiveSome(b, 40, nil, bus.FromOldest()); err != nil {
		return err
	}
	return receiveSome(b, 20, nil, bus.ReadOnly())
}

func beMember(b *bus.Bus, say func(string, ...any)) error {
	if err := receiveSome(b, 30, say, bus.Group("w")); err != nil {
		return err
	}
	// A group of its own, made and ended; and a frame left in hand.
	if err := receiveSome(b, 5, nil, bus.Group("mine"), bus.FromOldest()); err != nil {
		return err
	}
	ctx, cancel := upTo(victimsPatience)
	defer cancel()
	s, err := b.Subscribe(ctx, "t", bus.Group("w"))
	if err != nil {
		return err
	}
	if _, err := s.Receive(ctx); err != nil {
		return err
	}
	return s.Close()
}
