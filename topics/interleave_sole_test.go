//go:build shmbus_sched

package topics

import (
	"fmt"

	"shmbus/internal/sched"
)

// alone makes the publisher ask to be the sole one, as if it had published for long and met nobody.
func (p *pub) alone() *pub {
	p.wr.endRun()
	p.wr.crossed, p.wr.streams = p.wr.number-p.wr.patience, true
	if err := p.wr.settle(); err != nil && p.a == nil {
		p.w.x.Fail("asking to be the sole publisher: %v", err)
	}
	return p
}

// soleMet is a sole publisher and another that comes. Those of even owners put.
func soleMet(sole, other uint64) *plot {
	return named(fmt.Sprintf("a sole writer, another and a gate, %d and %d", sole, other), lossless(4, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a, b := w.pub(sole).open().alone().sends(2, 1), w.pub(other).open().sends(1, 1)
		s.play(func() { s.read(a, b) })
	})
}

// soleAsks is a publisher that asks to be the sole one while another is at work.
func soleAsks(asks, other uint64) *plot {
	return named(fmt.Sprintf("a writer that asks to be the sole one and another, %d and %d", asks, other), lossless(4, 2), func(w *world) {
		p := w.pub(asks).open()
		p.play(func() {
			p.alone()
			p.send(1)
		})
		w.pub(other).open().sends(1, 1)
	})
}

// soleAgain is a publisher that is the sole one, and asks again, between two that take that away.
func soleAgain() *plot {
	return named("a sole writer that asks again, and two others", lossless(8, 3), func(w *world) {
		p := w.pub(2).open().alone()
		p.play(func() {
			p.send(1)
			p.alone()
			p.alone()
			p.send(1)
		})
		w.pub(4).open().sends(1, 1)
		w.pub(6).open().sends(1, 1)
	})
}

// twoAsk is publishers that both ask.
func twoAsk() *plot {
	return named("two writers that ask to be the sole one", lossless(4, 2), func(w *world) {
		for _, p := range []*pub{w.pub(1).open(), w.pub(2).open()} {
			p.play(func() {
				p.alone()
				p.send(1)
			})
		}
	})
}

// soleBatch is a sole publisher of several frames at once, and of one that it gives up.
func soleBatch() *plot {
	return named("a sole writer of batches, and another", lossless(8, 2), func(w *world) {
		p := w.pub(1).open().alone()
		p.play(func() {
			p.batch(1, 9)
			p.abort(1)
		})
		w.pub(2).open().sends(1, 1)
	})
}

// soleDies is a sole publisher that dies at any step, and another.
func soleDies(sole, other uint64) *plot {
	p := named(fmt.Sprintf("a sole writer that dies and another, %d and %d", sole, other), lossless(4, 2), func(w *world) {
		a := w.pub(sole).open().alone().sends(1, 1)
		a.Mortal = true
		w.pub(other).open().sends(2, 1)
	})
	p.Crashes, p.Timeouts = 1, 1
	p.end = (*world).lap
	return p
}

// contesterDies is a publisher that dies while it takes that from the sole one, and a third.
func contesterDies() *plot {
	p := named("a sole writer, one that comes and dies, and a third", lossless(4, 3), func(w *world) {
		w.pub(2).open().alone().sends(1, 1)
		a := w.pub(4).open().sends(1, 1)
		a.Mortal = true
		w.pub(6).open().sends(1, 1)
	})
	p.Crashes, p.Timeouts = 1, 1
	p.end = (*world).lap
	return p
}

// askerDies is a publisher that dies while it asks, and another.
func askerDies() *plot {
	p := named("a writer that asks to be the sole one and dies, and another", lossless(4, 2), func(w *world) {
		p := w.pub(2).open()
		a := p.play(func() {
			p.alone()
			p.send(1)
		})
		a.Mortal = true
		w.pub(4).open().sends(2, 1)
	})
	p.Crashes, p.Timeouts = 1, 1
	p.end = (*world).lap
	return p
}

// soleLeaves is a sole publisher that closes, one that takes its line, and another that is there.
func soleLeaves() *plot {
	return named("a sole writer that leaves, one on its line, and another", lossless(4, 2), func(w *world) {
		p, q := w.pub(2).open().alone(), w.pub(4)
		p.play(func() {
			p.send(1)
			p.close()
		})
		q.play(func() { q.open().send(1) })
		w.pub(6).open().sends(1, 1)
	})
}

// watcher is a tap: with it the moment of each stamp counts, and it keeps nothing in use.
func (w *world) watcher(as ...*sched.Actor) {
	s := w.sub(Tap, 100)
	s.join(Newest())
	s.play(func() { s.read(as...) })
}

// soleRemoved is a topic that goes while its sole publisher is at work, or asks.
func soleRemoved(asks bool) *plot {
	name := "a topic that is removed beside its sole writer"
	if asks {
		name = "a topic that is removed beside a writer that asks to be the sole one"
	}
	return removedBeside(name, lossless(4, 1), asks, 1)
}

// removedBeside is a topic that goes while its sole publisher, prepared before, sends so many frames, having asked before that or just then.
func removedBeside(name string, g Geometry, asks bool, frames int, prepare ...func(*pub)) *plot {
	p := named(name, g, func(w *world) {
		p := w.pub(2).open()
		if !asks {
			p.alone()
		}
		for _, f := range prepare {
			f(p)
		}
		a := p.play(func() {
			if asks {
				p.alone()
			}
			for range frames {
				p.send(1)
			}
			p.close()
		})
		w.watcher(a)
		w.remover()
	})
	p.PlainSteps = true
	p.end = (*world).isRemoved
	return p
}

// soleOpensRemoved is an exclusive publisher that opens while the topic goes.
func soleOpensRemoved() *plot {
	g := exclusive(lossless(4, 1))
	p := named("an exclusive writer that opens on a topic that is removed", g, func(w *world) {
		p := w.pub(2)
		a := p.play(func() {
			if p.open().wr != nil {
				p.send(1)
				p.close()
			}
		})
		w.watcher(a)
		w.remover()
	})
	p.PlainSteps = true
	p.end = (*world).isRemoved
	return p
}
