//go:build shmbus_sched

package topics

import (
	"context"
	"time"

	"shmbus/internal/mem"
	"shmbus/internal/sched"
	"shmbus/wake"
)

// A bed is where the actors of a world sleep: what a futex does, step by step. It is the Notifier behind the real bells and Waiters.
type bed struct {
	w      *world
	lines  []wake.Line // data, room
	asleep map[*sched.Actor]*wake.Bell
}

func newBed(w *world) *bed {
	lines, err := mem.View[wake.Line](w.x.Memory, w.s.bells*8, 2)
	if err != nil {
		panic(err)
	}
	return &bed{w: w, lines: lines, asleep: make(map[*sched.Actor]*wake.Bell)}
}

// Name is for people.
func (*bed) Name() string { return "bed" }

// Polls says that bells are written.
func (*bed) Polls() bool { return false }

// Sleep looks at the bell and lies down in one step, and stays until it is woken.
func (b *bed) Sleep(bell *wake.Bell, value uint32, _ *wake.Poke, _ time.Duration) error {
	a := b.w.x.Current()
	lain := a.Do(func() uint64 {
		if bell.Value() != value {
			return 0
		}
		b.lie(a, bell)
		return 1
	})
	if lain == 1 && a.Await(b.w.deaths, func() uint64 { return bit(b.asleep[a] == nil) }) == 0 {
		a.Do(func() uint64 { // its limit has passed
			b.rise(a)
			return 0
		})
	}
	return nil
}

// Wake wakes all that sleep on a bell.
func (b *bed) Wake(bell *wake.Bell) error {
	b.w.x.Current().Do(func() uint64 {
		for a, on := range b.asleep {
			if on == bell {
				b.rise(a)
			}
		}
		return 0
	})
	return nil
}

// WakePoke is not needed here.
func (*bed) WakePoke(*wake.Poke) error { return nil }

func (b *bed) lie(a *sched.Actor, bell *wake.Bell) {
	b.asleep[a] = bell
	b.w.x.Note(mix(a.Owner, 0xbed))
}

// rise takes the note away that lie has made: two equal ones are none.
func (b *bed) rise(a *sched.Actor) {
	if b.asleep[a] != nil {
		delete(b.asleep, a)
		b.w.x.Note(mix(a.Owner, 0xbed))
	}
}

// data and room are the topic's bells.
func (b *bed) data() *wake.Bell { return &b.lines[0].Bell }
func (b *bed) room() *wake.Bell { return &b.lines[1].Bell }

// wait sleeps until ready says 1, or in vain; then it is 0.
func (b *bed) wait(bell *wake.Bell, ready func() bool) uint64 {
	w := wake.NewWaiter(b, wake.Block)
	limit := time.Duration(0)
	if b.w.deaths {
		limit = 1 // has always passed: who wakes looks for the dead
	}
	if err := w.Wait(context.Background(), bell, ready, limit); err != nil {
		b.w.x.Fail("a wait: %v", err)
	}
	return bit(ready())
}

// ringRoom and ringBoth are what bus does behind the operations that say so.
func (w *world) ringRoom() {
	if w.bed != nil {
		w.bed.room().Ring(w.bed)
	}
}

func (w *world) ringBoth() {
	if w.bed != nil {
		w.bed.data().Ring(w.bed)
	}
	w.ringRoom()
}

// sleeping is named with sleepers that sleep on bells.
func sleeping(name string, g Geometry, cast func(w *world)) *plot {
	p := named(name, g, cast)
	p.sleep = true
	return p
}

// dataBell is a subscriber that sleeps, and publishers that wake it.
func dataBell() *plot {
	return sleeping("two writers and a gate that sleeps", lossless(4, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		w.pub(1).open().sends(1, 1)
		w.pub(2).open().sends(1, 1)
		s.play(func() { s.take(2) })
	})
}

// calmBell is a publisher that has found nobody asleep, and subscribers that go to sleep at the same time.
func calmBell() *plot {
	g := lossless(4, 1)
	g.Subscriptions = 2
	return sleeping("a writer of many frames and two gates that sleep", g, func(w *world) {
		s, r := w.sub(Gate, 100), w.sub(Gate, 101)
		s.join(Newest())
		r.join(Newest())
		w.pub(2).open().sends(3, 1)
		for _, s := range []*sub{s, r} {
			s.play(func() { s.take(3) })
		}
	})
}

// abortingBell is a publisher that gives a claim up, and a subscriber that sleeps before it: what follows has rung already.
func abortingBell() *plot {
	return sleeping("a writer that aborts, another and a gate that sleeps", lossless(4, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p := w.pub(1).open()
		p.play(func() { p.send(1); p.abort(1) })
		w.pub(2).open().sends(1, 1)
		s.play(func() { s.take(2) })
	})
}

// roomBell is a publisher that sleeps until there is room.
func roomBell() *plot {
	return sleeping("a writer that sleeps and a gate", lossless(2, 1), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		w.pub(1).open().sends(3, 1)
		s.play(func() { s.take(1) })
		s.part = true
	})
}

// leavingBell is a publisher that sleeps until a subscription leaves.
func leavingBell() *plot {
	return sleeping("a writer that sleeps and a gate that leaves", lossless(2, 1), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		w.pub(1).open().sends(3, 1)
		s.play(func() { s.close() })
	})
}
