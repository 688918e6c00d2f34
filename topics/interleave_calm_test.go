//go:build shmbus_sched

package topics

import "fmt"

// writersAndGate is publishers, and a lossless subscription that was there before.
func writersAndGate() *plot {
	return named("two writers and a gate", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a, b := w.pub(1).open().sends(2, 2), w.pub(2).open().sends(2, 2)
		s.play(func() { s.read(a, b) })
	})
}

// mixedSizes is frames of one and two slots, with padding at the end of the lap.
func mixedSizes() *plot {
	return named("two writers of small and large frames and a gate", lossless(4, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p := w.pub(1).open()
		a, b := p.play(func() { p.send(1); p.send(9) }), w.pub(2).open().sends(2, 9)
		s.play(func() { s.read(a, b) })
	})
}

// writersAndLossy is two publishers that lap each other, and a reader that copies.
func writersAndLossy() *plot {
	p := named("two writers and a lossy reader", overwriting(2, 2), func(w *world) {
		s := w.sub(Lossy, 100)
		s.join(Newest())
		a, b := w.pub(1).open().sends(2, 1), w.pub(2).open().sends(1, 1)
		s.play(func() { s.read(a, b) })
	})
	p.PlainSteps, p.count = true, true
	return p
}

// lonely is an exclusive publisher, which stores the tail: in Claim, and in Publish.
func lonely(owner uint64) *plot {
	g := exclusive(overwriting(2, 1))
	p := named(fmt.Sprintf("an exclusive writer and a tap, %d", owner), g, func(w *world) {
		s := w.sub(Tap, 100)
		s.join(Newest())
		a := w.pub(owner).open().sends(3, 1)
		s.play(func() { s.read(a) })
	})
	p.PlainSteps = true
	return p
}

// batches is a publisher of several frames at once.
func batches() *plot {
	return named("a writer of batches, another and a gate", lossless(8, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p := w.pub(1).open()
		a := p.play(func() { p.batch(1, 9, 1) })
		b := w.pub(2).open().sends(2, 1)
		s.play(func() { s.read(a, b) })
	})
}

// aborts is publishers that give claims up.
func aborts() *plot {
	return named("two writers that abort and a gate", lossless(4, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p := w.pub(1).open()
		a := p.play(func() { p.abort(1); p.send(9); p.abort(9); p.send(1) })
		b := w.pub(2).open().sends(2, 1)
		s.play(func() { s.read(a, b) })
	})
}

// abortsRestless is a publisher that gives a claim up beside a subscription that looks for the dead too often.
func abortsRestless() *plot {
	p := named("a writer that aborts and a restless gate", lossless(4, 1), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p := w.pub(1).open()
		a := p.play(func() { p.abort(9) })
		s.play(func() { s.read(a) })
	})
	p.restless, p.Timeouts = true, 1
	return p
}

// turns is publishers that queue for room.
func turns() *plot {
	p := named("two writers that take turns and a gate", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a, b := w.pub(1).open().sends(2, 1), w.pub(2).open().sends(2, 1)
		s.play(func() { s.read(a, b) })
	})
	p.turns = true
	return p
}

// gateJoins is a lossless subscription that comes while publishers are at work.
func gateJoins() *plot {
	return named("two writers and a gate that joins", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		a, b := w.pub(1).open().sends(2, 1), w.pub(2).open().sends(1, 1)
		s.play(func() {
			s.join(Newest())
			s.read(a, b)
		})
	})
}

// gateJoinsLast is a lossless subscription that begins with the last frame there is.
func gateJoinsLast() *plot {
	return named("two writers and a gate that joins at the last frame", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		a, b := w.pub(1).open().sends(2, 1), w.pub(2).open().sends(1, 1)
		s.play(func() {
			s.join(Last(1))
			s.read(a, b)
		})
	})
}

// lossyJoins is a reader that takes the base of its count while publishers are at work.
func lossyJoins() *plot {
	p := named("a writer and a lossy reader that joins", overwriting(2, 1), func(w *world) {
		s := w.sub(Lossy, 100)
		a := w.pub(1).open().sends(3, 1)
		s.play(func() {
			s.join(Newest())
			s.read(a)
		})
	})
	p.PlainSteps = true
	return p
}

// gateLeaves is a lossless subscription that goes while publishers wait for it.
func gateLeaves() *plot {
	return named("two writers and a gate that leaves", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		w.pub(1).open().sends(2, 1)
		w.pub(2).open().sends(1, 1)
		s.play(func() {
			s.one(2)
			s.close()
		})
	})
}

// lineUsedAgain is a line that goes from one publisher to the next.
func lineUsedAgain() *plot {
	p := named("a line that is used again, and a lossy reader", overwriting(2, 1), func(w *world) {
		s := w.sub(Lossy, 100)
		s.join(Newest())
		p, q := w.pub(1).open(), w.pub(2)
		a := p.play(func() {
			p.send(1)
			p.close()
		})
		b := q.play(func() {
			q.a.Await(false, func() uint64 { return bit(w.ring.writers[0].owner.Load() == 0) })
			q.open()
			q.send(1)
			q.send(1)
		})
		s.play(func() { s.read(a, b) })
	})
	p.PlainSteps = true
	return p
}

// batchesAndJoiner is a publisher of several frames at once, and a lossless subscription that comes.
func batchesAndJoiner() *plot {
	return named("a writer of batches and a gate that joins", lossless(8, 1), func(w *world) {
		s := w.sub(Gate, 100)
		p := w.pub(1).open()
		a := p.play(func() { p.batch(1, 1, 1) })
		s.play(func() {
			s.join(Newest())
			s.read(a)
		})
	})
}

// lossyJoinsOldest is a reader that begins with the oldest frame there is.
func lossyJoinsOldest() *plot {
	p := named("two writers and a lossy reader that joins at the oldest frame", overwriting(2, 2), func(w *world) {
		s := w.sub(Lossy, 100)
		a, b := w.pub(1).open().sends(1, 1), w.pub(2).open().sends(2, 1)
		s.play(func() {
			s.join(Oldest())
			s.read(a, b)
		})
	})
	p.PlainSteps = true
	return p
}

// twoOpen is publishers that come at the same time.
func twoOpen() *plot {
	return named("two writers that open at once and a gate", lossless(2, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p, q := w.pub(1), w.pub(2)
		a, b := p.play(func() { p.open().send(1) }), q.play(func() { q.open().send(1) })
		s.play(func() { s.read(a, b) })
	})
}

// twoGatesJoin is lossless subscriptions that come at the same time.
func twoGatesJoin() *plot {
	g := lossless(2, 1)
	g.Subscriptions = 2
	return named("a writer and two gates that join", g, func(w *world) {
		s, r := w.sub(Gate, 100), w.sub(Gate, 101)
		a := w.pub(1).open().sends(3, 1)
		for _, s := range []*sub{s, r} {
			s.play(func() {
				s.join(Newest())
				s.read(a)
			})
		}
	})
}

// gateLineUsedAgain is a line that goes from one lossless subscription to the next.
func gateLineUsedAgain() *plot {
	return named("a gate that leaves and another on its line", lossless(2, 1), func(w *world) {
		s, r := w.sub(Gate, 100), w.sub(Gate, 101)
		s.join(Newest())
		a := w.pub(1).open().sends(3, 1)
		s.play(func() { s.close() })
		r.play(func() {
			r.join(Newest())
			r.read(a)
		})
	})
}

// lineUsedAgainRestless is the same with a lossless subscription that looks for the dead too often.
func lineUsedAgainRestless(first, second uint64) *plot {
	p := named(fmt.Sprintf("a line that is used again, %d after %d, and a restless gate", second, first), lossless(2, 1), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p, q := w.pub(first).open(), w.pub(second)
		a := p.play(func() {
			p.send(1)
			p.close()
		})
		b := q.play(func() {
			q.a.Await(false, func() uint64 { return bit(w.ring.writers[0].owner.Load() == 0) })
			q.open()
			q.send(1)
		})
		s.play(func() { s.read(a, b) })
	})
	p.restless, p.Timeouts = true, 1
	return p
}
