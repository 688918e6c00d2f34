//go:build shmbus_sched

package topics

import "shmbus/internal/sched"

// writerDiesLossy is a publisher that dies, another, and a reader that copies.
func writerDiesLossy() *plot {
	p := named("a writer that dies, another and a lossy reader", overwriting(2, 2), func(w *world) {
		s := w.sub(Lossy, 100)
		s.join(Newest())
		a, b := w.pub(1).open().sends(1, 1), w.pub(2).open().sends(2, 1)
		a.Mortal = true
		s.play(func() { s.read(a, b) })
	})
	p.Crashes = 1
	p.PlainSteps = true
	return p
}

// ringerDies is a publisher that may die between its stamp and its ring, and a subscriber that sleeps.
func ringerDies() *plot {
	p := named("a writer that dies, another and a gate that sleeps", lossless(4, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a, b := w.pub(1).open().sends(1, 1), w.pub(2).open().sends(1, 1)
		a.Mortal = true
		s.play(func() { s.sleeper(a, b) })
	})
	p.sleep, p.Crashes = true, 1
	p.end = (*world).lap
	return p
}

// sleeperDies is a publisher that sleeps until there is room, and a subscription that dies.
func sleeperDies() *plot {
	p := named("a writer that sleeps and a gate that dies", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		w.pub(1).open().sends(3, 1)
		w.pub(2).open().sends(1, 1)
		s.play(func() {
			for s.one(2) {
			}
			s.a.Die()
		})
		s.a.Mortal = true
	})
	p.sleep, p.Crashes, p.turns = true, 1, true
	p.end = (*world).lap
	return p
}

// threeWriters is a publisher that dies in front of two others, with no subscription.
func threeWriters() *plot {
	p := named("a writer that dies and two others", lossless(2, 3), func(w *world) {
		a := w.pub(1).open().sends(1, 1)
		a.Mortal = true
		w.pub(2).open().sends(1, 1)
		w.pub(3).open().sends(1, 1)
	})
	p.Crashes = 1
	p.end = (*world).lap
	return p
}

// gateDiesAndHeir is a lossless subscription that dies, publishers that reap it, and another that takes its line.
func gateDiesAndHeir() *plot {
	p := named("two writers, a gate that dies, and its heir", lossless(2, 2), func(w *world) {
		s, r := w.sub(Gate, 100), w.sub(Gate, 101)
		s.join(Newest())
		a, b := w.pub(1).open().sends(3, 1), w.pub(2).open().sends(1, 1)
		s.play(func() { s.a.Die() })
		r.play(func() {
			r.join(Newest())
			r.read(a, b)
		})
	})
	p.Crashes, p.Timeouts = 1, 1
	p.end = (*world).lap
	return p
}

// finished is a publisher that is stopped with a claim open, and finished by another of its process.
func finished() *plot {
	p := named("a writer that is finished, another and a gate", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p := w.pub(1).open()
		a := p.play(func() { p.claim(1) })
		b := w.pub(2).open().sends(2, 1)
		w.then("finisher", func() bool { return w.x.Done(a) }, func() { w.ring.FinishWriter(0, 1) })
		s.play(func() { s.read(a, b) })
	})
	p.restless = true
	return p
}

// gateFinished is a lossless subscription that is finished by another of its process, and one that takes its line.
func gateFinished() *plot {
	return named("a gate that is finished and another on its line", lossless(2, 1), func(w *world) {
		s, r := w.sub(Gate, 100), w.sub(Gate, 101)
		s.join(Newest())
		s.closed = true
		w.then("finisher", nil, func() { w.ring.FinishReader(0, 100) })
		w.heir(r)
	})
}

// heldByFinished is a publisher that waits for a lossless subscription which is finished by another of its process.
func heldByFinished() *plot {
	return named("a writer and a gate that is finished", lossless(2, 1), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		w.pub(1).open().sends(3, 1)
		w.then("finisher", nil, func() {
			s.closed = true
			w.ring.FinishReader(0, 100)
		})
	})
}

// twoReapers is a dead lossless subscription, two that reap it, and one that takes its line.
func twoReapers() *plot {
	p := named("a dead gate, two reapers, and its heir", lossless(2, 1), func(w *world) {
		s, r := w.sub(Gate, 100), w.sub(Gate, 101)
		s.join(Newest())
		s.play(func() { s.a.Die() })
		for i := range uint64(2) {
			ring := w.process(200 + i)
			w.then("reaper", func() bool { return w.x.Dead(100) }, func() { ring.ReapGate(0) })
		}
		w.heir(r)
	})
	p.Crashes = 1
	return p
}

// then is an actor that does something when something is so.
func (w *world) then(name string, when func() bool, do func()) {
	w.x.Go(name, func(a *sched.Actor) {
		if when != nil {
			a.Await(false, func() uint64 { return bit(when()) })
		}
		do()
	})
}

// heir is a subscription that joins when there is a line, and a publisher that waits for it and then goes once around.
func (w *world) heir(r *sub) {
	p := w.pub(1).open()
	p.play(func() {
		p.a.Await(false, func() uint64 { return bit(r.joined) })
		for range 3 {
			p.send(1)
		}
	})
	r.play(func() {
		r.join(Newest())
		r.read(p.a)
	})
}

// writerDies is a publisher that dies at any step, another, and a lossless subscription.
func writerDies() *plot {
	p := named("a writer that dies, another and a gate", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a, b := w.pub(1).open().sends(2, 1), w.pub(2).open().sends(1, 1)
		a.Mortal = true
		s.play(func() { s.read(a, b) })
	})
	p.Crashes = 1
	p.end = (*world).lap
	return p
}

// reaperDies is a publisher that dies, and another that reaps it and may die as well.
func reaperDies() *plot {
	p := named("a writer that dies, a reaper that dies, and a gate", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a := w.pub(1).open().sends(1, 1)
		r := w.process(3)
		b := w.x.Go("reaper", func(a *sched.Actor) {
			a.Await(false, func() uint64 { return bit(w.x.Dead(1) || w.x.Done(w.pubs[0].a)) })
			r.Recover(0)
		})
		a.Mortal, b.Mortal, b.Owner = true, true, 3
		s.play(func() { s.read(a, b) })
	})
	p.Crashes = 2
	p.end = (*world).lap
	return p
}

// gateDies is a lossless subscription that dies while a publisher waits for it.
func gateDies() *plot {
	p := named("two writers and a gate that dies", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		w.pub(1).open().sends(3, 1)
		w.pub(2).open().sends(1, 1)
		s.play(func() {
			s.one(2)
			s.a.Die()
		})
	})
	p.Crashes = 1
	p.end = (*world).lap
	return p
}

// turnDies is a publisher that dies while others queue behind it.
func turnDies() *plot {
	p := turns()
	p.Name = "a writer that takes turns and dies"
	p.Crashes = 1
	p.end = (*world).lap
	cast := p.cast
	p.cast = func(w *world) {
		cast(w)
		w.pubs[0].a.Mortal = true
	}
	return p
}

// heirOfTheDead is a publisher that finds no line but a dead one's.
func heirOfTheDead() *plot {
	p := named("a writer that dies, its heir, and a gate", lossless(2, 1), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a := w.pub(1).open().sends(1, 1)
		a.Mortal = true
		q := w.pub(2)
		b := q.play(func() {
			if q.a.Await(false, func() uint64 { return 2*bit(w.x.Dead(1)) + bit(w.x.Done(a)) }) >= 2 {
				q.open()
				q.send(1)
			}
		})
		s.play(func() { s.read(a, b) })
	})
	p.Crashes, p.Timeouts = 1, 1
	p.end = (*world).lap
	return p
}

// removal is a topic that goes while a publisher claims and a subscriber joins.
func removal() *plot {
	p := named("a topic that is removed", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		p := w.pub(1).open()
		a := p.play(func() {
			for i := 0; i < 3 && p.send(1); i++ {
			}
			p.close()
		})
		s.play(func() {
			if s.join(Newest()) {
				s.read(a)
				s.close()
			}
		})
		w.remover()
	})
	p.end = (*world).isRemoved
	return p
}

// remover is somebody who removes the topic, and notes whether its memory can be given back.
func (w *world) remover() {
	r := w.process(200)
	w.x.Go("remover", func(*sched.Actor) {
		r.Remove()
		if r.Unused() {
			w.unused = true
			w.x.Note(0xdead)
		}
	})
}

func (w *world) isRemoved() {
	if _, removed := w.ring.Head(); !removed {
		w.x.Fail("the topic is still there")
	}
}

// openingRemoved is a publisher that opens while the topic is removed.
func openingRemoved() *plot {
	p := named("a writer that opens on a topic that is removed", lossless(2, 1), func(w *world) {
		p := w.pub(1)
		p.play(func() {
			if p.open().wr != nil {
				p.send(1)
				p.close()
			}
		})
		w.then("remover", nil, func() { w.ring.Remove() })
	})
	p.end = func(w *world) {
		if w.ring.Written() {
			w.x.Fail("a line of a removed topic is held")
		}
	}
	return p
}

// lap sees that the topic works on after all that has happened: those who live leave, the dead are reaped, and a fresh publisher and
// a fresh subscription go twice around the ring.
func (w *world) lap() {
	for _, s := range w.subs {
		if s.rd != nil && !w.x.Dead(s.owner) {
			s.rd.Close()
		}
	}
	for _, p := range w.pubs {
		if p.wr != nil && !w.x.Dead(p.owner) {
			p.wr.Close()
		}
	}
	r := w.process(300)
	if h, _ := r.Head(); r.Tail() > h {
		r.Recover(h)
	}
	r.ReapWriters()
	r.ReapGates()
	wr, err := r.NewWriter(300)
	if err != nil {
		w.x.Fail("afterwards: %v", err)
		return
	}
	rd, err := r.NewReader(Gate, Newest(), 300)
	if err != nil {
		w.x.Fail("afterwards: %v", err)
		return
	}
	for range 2 * (r.mask + 1) {
		if err := wr.Claim(8); err != nil {
			w.x.Fail("afterwards: %v", err)
			return
		}
		copy(wr.Payload(8), "afterlap")
		wr.Commit(8, KindRaw, 0)
		var f Frame
		b, err := rd.Borrow(&f)
		if err != nil || string(b) != "afterlap" || f.Publisher() != wr.ID() {
			w.x.Fail("afterwards: %q of publisher %d, %v", b, f.Publisher(), err)
			return
		}
		rd.Release(f.Position + f.Span)
	}
}
