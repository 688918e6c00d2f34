//go:build linux && shmbus_sched

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

// Victims that take back what others have left, make and remove topics, and kick.

// leaveAMess holds, on the topic Arg(1): a claim, a lossless subscription, a frame of the group "dead" as its only member, and one of the
// group "shared", then says so and waits to be killed.
func leaveAMess(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	ctx := context.Background()
	for _, o := range []bus.SubscribeOption{bus.Group("dead"), bus.Group("shared")} {
		s, err := b.Subscribe(ctx, peer.Arg(1), o, bus.FromOldest())
		if err != nil {
			return err
		}
		if _, err := s.Receive(ctx); err != nil {
			return err
		}
	}
	if _, err := b.Subscribe(ctx, peer.Arg(1), bus.Lossless(), bus.FromOldest()); err != nil {
		return err
	}
	p, err := b.Publisher(peer.Arg(1))
	if err != nil {
		return err
	}
	if _, err := p.Loan(ctx, 3000); err != nil {
		return err
	}
	peer.Say("ready")
	peer.Await()
	return nil
}

// adoptFrame finds the frame that the dead had in hand in the group "shared" of the topic "mess".
func adoptFrame(b *bus.Bus, _ func(string, ...any)) error {
	ctx, cancel := upTo(victimsPatience)
	defer cancel()
	s, err := b.Subscribe(ctx, "mess", bus.Group("shared"))
	if err != nil {
		return err
	}
	for {
		f, err := s.Receive(ctx)
		if err != nil {
			return err
		}
		attempt := f.Attempt()
		f.Release()
		if attempt > 1 {
			return s.Close()
		}
	}
}

// reapAll fills the topic "mess" until everything the dead hold there has been taken back.
func reapAll(b *bus.Bus, _ func(string, ...any)) error {
	ctx, cancel := upTo(victimsPatience)
	defer cancel()
	s, err := b.Subscribe(ctx, "mess", bus.Lossless(), bus.FromOldest())
	if err != nil {
		return err
	}
	p, err := b.Publisher("mess")
	if err != nil {
		return err
	}
	st, err := b.Stat("mess")
	if err != nil {
		return err
	}
	for range 2*st.Slots + 10 {
		if err := p.Publish(ctx, []byte("on")); err != nil {
			return err
		}
		for {
			f, err := s.TryReceive()
			if err != nil {
				return err
			}
			if f == nil {
				break
			}
			f.Release()
		}
	}
	if err := errors.Join(p.Close(), s.Close()); err != nil {
		return err
	}
	return b.RemoveTopic("mess")
}

func makeAndRemove(b *bus.Bus, _ func(string, ...any)) error {
	for range 2 {
		if err := b.CreateTopic("made", bus.TopicOptions{Slots: 16}); err != nil {
			return err
		}
		p, err := b.Publisher("made")
		if err != nil {
			return err
		}
		if err := p.TryPublish([]byte("x")); err != nil {
			return err
		}
		if err := b.RemoveTopic("made"); err != nil {
			return err
		}
		if err := p.Close(); err != nil {
			return err
		}
	}
	if err := b.RemoveTopic("made"); !errors.Is(err, bus.ErrNoTopic) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a topic that was removed: %w", err)
	}
	return nil
}

func kickSelf(b *bus.Bus, _ func(string, ...any)) error {
	ctx, cancel := upTo(victimsPatience)
	defer cancel()
	s, err := b.Subscribe(ctx, "t", bus.Lossless())
	if err != nil {
		return err
	}
	st, err := b.Stat("t")
	if err != nil {
		return err
	}
	var id uint64
	for _, u := range st.SubscriberList {
		id = max(id, u.ID)
	}
	if err := b.Kick("t", id); err != nil {
		return err
	}
	for err == nil {
		var f *bus.Frame
		if f, err = s.Receive(ctx); f != nil {
			f.Release()
		}
	}
	if !errors.Is(err, bus.ErrKicked) {
		return err
	}
	return s.Close()
}
