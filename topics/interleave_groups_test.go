//go:build shmbus_sched

package topics

import (
	"slices"

	"shmbus/internal/mem"
	"shmbus/internal/sched"
)

const testGroup = "g"

// member is a subscription that shares what a group gets.
func (w *world) member(owner uint64) *sub {
	s := w.sub(Member, owner)
	s.freed = 1 << 63
	return s
}

// enter joins the group, again and again while others make it or give it back.
func (s *sub) enter() bool {
	for {
		rd, err := s.ring.NewMember(testGroup, Newest(), s.owner)
		switch err {
		case nil:
			s.rd, s.joined = rd, true
			return true
		case ErrRemoved:
			return false
		case ErrGroupBusy, ErrNoLine:
			words := s.w.ring.gates
			was := words[0].owner.Load() ^ words[1].owner.Load()<<16 ^ s.w.ring.control.groups.Load()<<32
			s.a.Await(true, func() uint64 {
				return bit(was != words[0].owner.Load()^words[1].owner.Load()<<16^s.w.ring.control.groups.Load()<<32)
			})
		default:
			s.w.x.Fail("a member's join: %v", err)
			return false
		}
	}
}

// share takes frames until these actors are done and the group has read all, or until it has had most.
func (s *sub) share(most int, others ...*sched.Actor) {
	look, over := false, false
	for n := 0; n < most; {
		if s.grab(look) {
			s.freed = 1 << 63
			s.rd.Ack()
			s.mark(3 + n)
			n++
			over = false
			continue
		}
		if s.mark(1<<8 | int(bit(over))<<1 | int(bit(look))); over {
			s.w.x.Fail("a member gets nothing, though all have finished and the group is at %d, the tail at %d", s.rd.Position(), s.ring.Tail())
		}
		why := s.a.Await(s.w.deaths, func() uint64 {
			switch {
			case s.rd.Ready():
				return 1
			case s.w.x.Done(others...):
				return 2
			}
			return 0
		})
		if why == 2 && look && s.rd.Lag() == 0 {
			return
		}
		if why != 1 {
			s.recover()
		}
		over = why == 2 && look && s.w.died() == 0
		look = why != 1
	}
}

// grab takes a frame if there is one, and keeps it in hand.
func (s *sub) grab(look bool) bool {
	var f Frame
	b, err := s.rd.Take(&f, look)
	if err == ErrEmpty || err == ErrRemoved {
		return false
	}
	if err != nil {
		s.w.x.Fail("a member's frame: %v", err)
		return false
	}
	if s.w.unused {
		s.w.x.Fail("a member has got a frame of memory that has been given back")
	}
	s.freed = f.Position
	s.got = append(s.got, f.Position)
	s.w.x.Note(mix(s.owner, f.Position))
	c := make([]byte, len(b))
	mem.Copy(c, b)
	if want := payload(f.Publisher(), f.Sequence(), f.Length()/8); !slices.Equal(c, want) || f.Length() == 0 || !s.w.timely(&f) {
		s.w.x.Fail("torn: position %d, frame %d of publisher %d, %d bytes: % x, not % x", f.Position, f.Sequence(), f.Publisher(), f.Length(), c, want)
	}
	return true
}

// checkGroup: each frame has gone to one member; where members have died or left, to one more for each of them at most. It may be one that
// has had it already: whether the dead one had taken the frame, or only wanted to, cannot be told from its pin.
func (w *world) checkGroup() {
	times := make(map[uint64]int)
	members, gone := 0, 0
	for _, s := range w.subs {
		if s.mode == Member {
			members++
			gone += int(bit(w.x.Dead(s.owner) || s.part))
			for _, pos := range s.got {
				times[pos]++
			}
		}
	}
	if members == 0 || w.s.loose {
		return
	}
	for _, pos := range w.committed(0) {
		if times[pos] == 0 || times[pos] > 1+gone {
			w.x.Fail("position %d has gone to %d members", pos, times[pos])
		}
	}
	if len(times) != len(w.committed(0)) {
		w.x.Fail("%d frames have gone to members, of %d", len(times), len(w.committed(0)))
	}
}

func group(name string, slots, lines int, cast func(w *world)) *plot {
	g := lossless(slots, 1)
	g.Subscriptions = lines
	p := named(name, g, cast)
	p.heavy = true
	return p
}

// members is two members at work.
func members() *plot {
	p := group("a writer and two members of a group", 2, 3, func(w *world) {
		a := w.pub(1).open().sends(3, 1)
		for owner := range uint64(2) {
			s := w.member(100 + owner)
			s.enter()
			s.play(func() { s.share(9, a) })
		}
	})
	p.heavy = false // a member that has pinned too late, and reads what is being overwritten, is two steps off
	return p
}

// oneOfTwoDies is two members that share what a publisher sends; the first may die at any step.
func (w *world) oneOfTwoDies(a *sched.Actor) {
	s, r := w.member(100), w.member(101)
	s.enter()
	r.enter()
	s.play(func() { s.share(9, a) })
	s.a.Mortal = true
	r.play(func() { r.share(9, a, s.a) })
}

// memberDies is a member that dies at any step, and one that lives.
func memberDies() *plot {
	p := group("a writer, a member that dies, and another", 2, 3, func(w *world) {
		w.oneOfTwoDies(w.pub(1).open().sends(3, 1))
	})
	p.Crashes = 1
	p.end = (*world).lapAfterGroup
	return p
}

// adopters is a member that dies with a frame in hand, and two that want it.
func adopters() *plot {
	p := group("a member that dies with a frame in hand, and two others", 2, 4, func(w *world) {
		s := w.member(100)
		s.enter()
		a := w.pub(1).open().sends(1, 1)
		s.play(func() {
			s.a.Await(false, func() uint64 { return bit(s.rd.Ready()) })
			s.grab(false)
			s.a.Die()
		})
		for owner := range uint64(2) {
			r := w.member(101 + owner)
			r.enter()
			r.play(func() { r.share(9, a, s.a) })
		}
	})
	p.Crashes, p.Timeouts = 1, 1
	return p
}

// memberLeaves is a member that leaves with a frame in hand, and one that stays.
func memberLeaves() *plot {
	p := group("a writer, a member that leaves with a frame in hand, and another", 2, 3, func(w *world) {
		a := w.pub(1).open().sends(3, 1)
		s, r := w.member(100), w.member(101)
		s.enter()
		r.enter()
		s.part = true
		s.play(func() {
			s.grab(false)
			s.freed = 1 << 63
			s.rd.Close()
			s.a.Mark(0xc)
		})
		r.play(func() { r.share(9, a, s.a) })
	})
	p.restless = true
	return p
}

// groupMade is members that make the group at once.
func groupMade() *plot {
	p := group("a writer and two members that make their group", 2, 3, func(w *world) {
		a := w.pub(1).open().sends(2, 1)
		for owner := range uint64(2) {
			s := w.member(100 + owner)
			s.play(func() {
				s.enter()
				s.share(9, a)
			})
		}
	})
	p.loose = true
	return p
}

// groupGoes is a member that leaves as the last, and one that comes.
func groupGoes() *plot {
	p := group("a group's last member, and one that comes", 2, 3, func(w *world) {
		s, r := w.member(100), w.member(101)
		s.enter()
		s.play(func() {
			s.rd.Close()
			s.a.Mark(0xc)
		})
		p := w.pub(1).open()
		r.play(func() {
			r.enter()
			r.share(9, p.a)
		})
		p.play(func() {
			p.a.Await(false, func() uint64 { return bit(r.joined) })
			p.send(1)
			p.send(1)
			p.send(1)
		})
		s.part = true
	})
	return p
}

// lapAfterGroup is lap, and the group goes first.
func (w *world) lapAfterGroup() {
	for _, s := range w.subs {
		if s.rd != nil && !w.x.Dead(s.owner) && s.mode == Member {
			s.rd.Close()
			s.rd = nil
		}
	}
	w.lap()
}

// kick is a lossless subscription that is ended from outside. What it has in hand then may be overwritten.
func kick() *plot {
	p := named("two writers and a gate that is kicked", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a, b := w.pub(1).open().sends(2, 1), w.pub(2).open().sends(1, 1)
		w.then("kicker", nil, func() { s.kicked = w.ring.Kick(1) })
		s.play(func() { s.read(a, b) })
	})
	p.PlainSteps, p.heavy = true, true
	return p
}

// kickOfOneWhoLeaves is a lossless subscription that leaves just when it is kicked, and another, further on, that gets its line and must not be.
func kickOfOneWhoLeaves() *plot {
	p := named("a kick of a gate that leaves, and another on its line", lossless(2, 1), func(w *world) {
		s, r := w.sub(Gate, 100), w.sub(Gate, 101)
		s.join(Newest())
		s.kicked = true
		a := w.pub(1).open().sends(1, 1)
		s.play(func() { s.close() })
		w.then("kicker", nil, func() { w.ring.Kick(1) })
		r.play(func() {
			r.a.Await(false, func() uint64 { return bit(w.x.Done(a)) })
			r.join(Newest())
		})
	})
	p.end = func(w *world) {
		if w.subs[1].rd.Keeps() != nil {
			w.x.Fail("a subscription was kicked in place of the one before it on the line")
		}
	}
	return p
}

// removalUnderAGroup is a topic that goes while a member takes a frame.
func removalUnderAGroup() *plot {
	g := lossless(2, 1)
	g.Subscriptions = 2
	p := named("a topic that is removed under a group", g, func(w *world) {
		s := w.member(100)
		w.pub(1).open().sends(1, 1)
		s.play(func() {
			if !s.enter() {
				return
			}
			s.grab(false)
			s.freed = 1 << 63
			s.rd.Ack()
			s.rd.Close()
		})
		w.remover()
	})
	p.end, p.loose = (*world).isRemoved, true
	return p
}
