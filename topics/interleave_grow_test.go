//go:build shmbus_sched

package topics

import "fmt"

// Scenarios of runs that grow. In a ring of eight slots they grow to four frames, and in one of four to two.

// timeless is a geometry whose frames have no time, so that runs grow.
func timeless(g Geometry) Geometry {
	g.NoTime = true
	return g
}

// growsAndGate is runs that grow round the ring, and a gate that holds the head back also in their middle.
func growsAndGate(most int) *plot {
	return named(fmt.Sprintf("a writer whose runs grow and a gate that reads %d", most), timeless(lossless(8, 1)), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a := w.pub(2).open().alone().sends(12, 1)
		s.play(func() { s.readUpTo(most, a) })
	})
}

// growsAndLossy is runs that grow and overwrite each other while they are read.
func growsAndLossy() *plot {
	p := named("a writer whose runs grow and a lossy reader", timeless(overwriting(8, 1)), func(w *world) {
		s := w.sub(Lossy, 100)
		s.join(Newest())
		a := w.pub(2).open().alone().sends(11, 1)
		s.play(func() { s.read(a) })
	})
	p.PlainSteps, p.count = true, true
	return p
}

// growsOverJoiner is a reader that joins while a run grows that laps it.
func growsOverJoiner() *plot {
	p := named("a writer whose runs grow and lap a reader that joins", timeless(overwriting(8, 1)), func(w *world) {
		a := w.pub(2).open().alone().sends(11, 1)
		s := w.sub(Lossy, 100)
		s.play(func() {
			s.join(Newest())
			s.read(a)
		})
	})
	p.PlainSteps, p.count = true, true
	return p
}

// growsUneven is runs that end where no block does, so that there is room within one.
func growsUneven() *plot {
	return named("a writer whose runs grow, of two lengths, and a gate", timeless(lossless(8, 1)), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p := w.pub(2).open().alone()
		a := p.play(func() {
			p.send(1)
			for range 9 {
				p.send(2)
			}
		})
		s.play(func() { s.readUpTo(1, a) })
	})
}

// growsAndOldest is a reader that joins at the head, which has passed the last frame of a publisher whose run has grown.
func growsAndOldest() *plot {
	p := named("a writer whose run has grown, another that laps it, and a reader that joins at the head", timeless(overwriting(8, 2)), func(w *world) {
		a, b := w.pub(2).open().alone().sends(2, 1), w.pub(1).open().sends(10, 1)
		s := w.sub(Lossy, 100)
		s.play(func() {
			s.join(Oldest())
			s.read(a, b)
		})
	})
	p.PlainSteps, p.count = true, true
	return p
}

// growsAgain is a publisher whose run grows before and after another has come.
func growsAgain() *plot {
	return named("a writer whose run grows, that asks again, and another", timeless(lossless(8, 2)), func(w *world) {
		p := w.pub(2).open().alone()
		p.play(func() {
			p.send(1)
			p.alone()
			p.alone()
			p.send(1)
		})
		w.pub(4).open().sends(1, 1)
	})
}

// growsAndNewest is a reader that wants only the newest frame of runs that grow.
func growsAndNewest() *plot {
	p := named("a writer whose runs grow and a reader of the newest frame", timeless(overwriting(8, 1)), func(w *world) {
		s := w.sub(Lossy, 100)
		s.join(Newest())
		a := w.pub(2).open().alone().sends(5, 1)
		s.play(func() {
			s.latest = true
			s.read(a)
		})
	})
	p.PlainSteps = true
	return p
}

// growsAndJoiner is a reader that joins while a run grows.
func growsAndJoiner(mode Mode, start Start, name string) *plot {
	p := named("a writer whose runs grow and a reader that joins at the "+name+", mode "+[]string{"tap", "lossy", "gate"}[mode], timeless(lossless(8, 1)), func(w *world) {
		p := w.pub(2).open().alone()
		a := p.sends(4, 1)
		s := w.sub(mode, 100)
		s.play(func() {
			s.join(start)
			s.read(a)
		})
	})
	p.PlainSteps = mode != Gate
	return p
}

// growsMet is a publisher whose runs grow, and another that comes, moves the head and laps it.
func growsMet(g Geometry, frames int) *plot {
	p := named(fmt.Sprintf("a writer whose runs grow, another that comes, of %d frames, and a reader, policy %v", frames, g.Policy), timeless(g), func(w *world) {
		mode := Gate
		if g.Policy != PolicyLossless {
			mode = Lossy
		}
		s := w.sub(mode, 100)
		s.join(Newest())
		a, b := w.pub(2).open().alone().sends(3, 1), w.pub(1).open().sends(frames, 1)
		s.play(func() { s.read(a, b) })
	})
	p.PlainSteps = g.Policy != PolicyLossless
	return p
}

// growsBeside is the same without a reader: nobody but the two holds the head back.
func growsBeside() *plot {
	return named("a writer whose runs grow, and another that laps it", timeless(lossless(4, 2)), func(w *world) {
		w.pub(2).open().alone().sends(3, 1)
		w.pub(1).open().sends(5, 1)
	})
}

// growerDies is a publisher that dies at any step while its run grows, another and a gate.
func growerDies() *plot {
	p := named("a writer that dies while its run grows, another and a gate", timeless(lossless(8, 2)), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a := w.pub(2).open().alone().sends(2, 1)
		a.Mortal = true
		b := w.pub(1).open().sends(1, 1)
		s.play(func() { s.read(a, b) })
	})
	p.Crashes = 1
	return p
}

// growerAndHeir is an exclusive publisher that dies while its run grows, and the next one.
func growerAndHeir() *plot {
	g := exclusive(timeless(lossless(8, 1)))
	p := named("an exclusive writer that dies while its run grows, and its heir", g, func(w *world) {
		p := w.pub(2).open().alone()
		a := p.play(func() {
			for range 3 {
				p.send(1)
			}
			p.close()
		})
		a.Mortal = true
		q := w.pub(4)
		b := q.play(func() {
			q.open().alone()
			q.send(1)
			q.send(1)
		})
		s := w.sub(Gate, 100)
		s.join(Newest())
		s.play(func() { s.read(a, b) })
	})
	p.Crashes = 1
	return p
}

// growsMembers is two members that share runs that grow.
func growsMembers() *plot {
	p := group("a writer whose runs grow and two members of a group", 8, 3, func(w *world) {
		a := w.pub(2).open().alone().sends(4, 1)
		for owner := range uint64(2) {
			s := w.member(100 + owner)
			s.enter()
			s.play(func() { s.share(9, a) })
		}
	})
	p.g = timeless(p.g)
	p.heavy, p.restless = false, true
	return p
}

// growsMemberDies is a member that dies at any step among runs that grow, and one that lives.
func growsMemberDies() *plot {
	p := group("a writer whose runs grow, a member that dies and one that lives", 8, 3, func(w *world) {
		a := w.pub(2).open().alone().sends(3, 1)
		for owner := range uint64(2) {
			s := w.member(100 + owner)
			s.enter()
			s.play(func() { s.share(9, a) }).Mortal = owner == 0
		}
	})
	p.g = timeless(p.g)
	p.heavy, p.Crashes = false, 1
	return p
}

// growsRemoved is a topic that goes while runs grow.
func growsRemoved() *plot {
	return removedBeside("a topic that is removed beside a writer whose runs grow", timeless(lossless(4, 1)), false, 2)
}
