//go:build shmbus_sched

package topics

import "fmt"

// Publish takes for granted that nobody has claimed since its writer did. Publishers of even owners use it.

// putters is publishers of which each finds that the other has claimed since.
func putters() *plot {
	return named("two writers that put and a gate", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a, b := w.pub(2).open().sends(2, 1), w.pub(4).open().sends(2, 1)
		s.play(func() { s.read(a, b) })
	})
}

// mixture is a publisher that goes from one way to publish to the next, and around the ring, where it relies on what it has published
// itself; and another in between.
func mixture() *plot {
	return named("a writer that puts, aborts and sends batches, another and a gate", lossless(4, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p := w.pub(2).open()
		a := p.play(func() {
			p.send(1)
			p.abort(1)
			p.send(1)
			p.batch(1, 9)
			p.send(1)
			p.send(1)
		})
		b := w.pub(4).open().sends(1, 1)
		s.play(func() { s.read(a, b) })
	})
}

// exclusiveHeir is an exclusive publisher that dies at any step, and the one that takes its line.
func exclusiveHeir(first, second uint64) *plot {
	g := exclusive(lossless(2, 1))
	p := named(fmt.Sprintf("an exclusive writer that dies, its heir, and a gate, %d after %d", second, first), g, func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a := w.pub(first).open().sends(1, 1)
		a.Mortal = true
		q := w.pub(second)
		b := q.play(func() {
			if q.a.Await(false, func() uint64 { return 2*bit(w.x.Dead(first)) + bit(w.x.Done(a)) }) >= 2 {
				q.open()
				q.send(1)
				q.send(1)
			}
		})
		s.play(func() { s.read(a, b) })
	})
	p.Crashes, p.Timeouts = 1, 1
	p.end = (*world).lap
	return p
}

// removalBeside is a topic that goes while a publisher is at work, and a subscription.
func removalBeside(owner uint64, exclusive bool) *plot {
	g, kind := lossless(2, 1), "a shared"
	if exclusive {
		g.Exclusive, kind = true, "an exclusive"
	}
	p := named(fmt.Sprintf("%s topic that is removed beside a writer, %d", kind, owner), g, func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p := w.pub(owner).open()
		a := p.play(func() {
			for i := 0; i < 3 && p.send(1); i++ {
			}
			p.close()
		})
		s.play(func() {
			s.read(a)
			s.close()
		})
		w.remover()
	})
	p.end = (*world).isRemoved
	return p
}
