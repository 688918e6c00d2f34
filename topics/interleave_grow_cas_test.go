//go:build shmbus_sched

package topics

import "fmt"

// Scenarios of runs that grow where nobody is the sole publisher: each claim is a CAS.

// quick makes the publisher's runs grow, as if it had been quick.
func (p *pub) quick() *pub {
	p.wr.streams = true
	return p
}

// growsByCASAndGate is two publishers whose runs grow until the other one comes, and a gate.
func growsByCASAndGate(slots, first, second int) *plot {
	name := fmt.Sprintf("two writers whose runs grow and a gate, %d slots, %d and %d", slots, first, second)
	return named(name, timeless(lossless(slots, 2)), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a, b := w.pub(2).open().quick().sends(first, 1), w.pub(4).open().quick().sends(second, 1)
		s.play(func() { s.read(a, b) })
	})
}

// growsByCASAndLossy is the same with a reader that they overwrite.
func growsByCASAndLossy() *plot {
	p := named("two writers whose runs grow and a lossy reader", timeless(overwriting(4, 2)), func(w *world) {
		s := w.sub(Lossy, 100)
		s.join(Newest())
		a, b := w.pub(2).open().quick().sends(5, 1), w.pub(4).open().quick().sends(2, 1)
		s.play(func() { s.read(a, b) })
	})
	p.PlainSteps, p.count = true, true
	return p
}

// growsByCASAndJoiner is a reader that joins while both are at work.
func growsByCASAndJoiner(mode Mode, start Start, name string) *plot {
	p := named("two writers whose runs grow and a reader that joins at the "+name+", mode "+[]string{"tap", "lossy", "gate"}[mode], timeless(lossless(8, 2)), func(w *world) {
		s := w.sub(mode, 100)
		a, b := w.pub(2).open().quick().sends(3, 1), w.pub(4).open().quick().sends(1, 1)
		s.play(func() {
			if s.join(start) {
				s.read(a, b)
			}
		})
	})
	p.PlainSteps = mode != Gate
	return p
}

// growsByCASAndOther is one whose runs grow, one that claims and commits, and a gate.
func growsByCASAndOther() *plot {
	return named("a writer whose runs grow, one that claims, and a gate", timeless(lossless(8, 2)), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a, b := w.pub(2).open().quick().sends(3, 1), w.pub(1).open().sends(2, 1)
		s.play(func() { s.read(a, b) })
	})
}

// growsByCASAndAsker is one whose runs grow, and another that asks to be the sole publisher and takes over.
func growsByCASAndAsker() *plot {
	return named("a writer whose runs grow, one that asks to be the sole one, and a gate", timeless(lossless(8, 2)), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a := w.pub(2).open().quick().sends(3, 1)
		p := w.pub(4).open()
		b := p.play(func() {
			p.alone()
			p.send(1)
			p.send(1)
		})
		s.play(func() { s.read(a, b) })
	})
}

// growsOnByCAS is a sole publisher whose run goes on to grow when its key is taken away.
func growsOnByCAS() *plot {
	return named("a sole writer whose key is taken away while its run grows, and a gate", timeless(lossless(8, 2)), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a := w.pub(2).open().alone().sends(3, 1)
		p := w.pub(4).open()
		b := p.play(func() {
			p.wr.ring.contest() // and does not claim at once
			p.send(1)
		})
		s.play(func() { s.read(a, b) })
	})
}

// growerByCASDies is a publisher that dies at any step while its run grows by CAS, another and a gate.
func growerByCASDies(other uint64) *plot {
	p := named(fmt.Sprintf("a writer that dies while its run grows by CAS, another, %d, and a gate", other), timeless(lossless(8, 2)), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a := w.pub(2).open().quick().sends(2, 1)
		a.Mortal = true
		b := w.pub(other).open().quick().sends(2, 1)
		s.play(func() { s.read(a, b) })
	})
	p.Crashes = 1
	return p
}

// growsByCASRemoved is a topic that goes while two publishers' runs grow.
func growsByCASRemoved() *plot {
	p := named("a topic that is removed beside two writers whose runs grow", timeless(lossless(4, 2)), func(w *world) {
		p := w.pub(2).open().quick()
		a := p.play(func() {
			for range 2 {
				p.send(1)
			}
			p.close()
		})
		q := w.pub(4).open().quick()
		b := q.play(func() { q.send(1); q.close() })
		w.watcher(a, b)
		w.remover()
	})
	p.PlainSteps = true
	p.end = (*world).isRemoved
	return p
}
