//go:build shmbus_sched

package topics

// Scenarios of publishers that take lines, two at once.

// takes makes the publisher take lines, as on a CPU that owns late. Where runs grow those of the first have been taken: so it begins at the first frame.
func (p *pub) takes() *pub {
	p.wr.takeOrNot(true)
	if p.wr.ring.growth != 0 {
		p.wr.taken = linesAtOnce
	}
	return p
}

// takesAndMeets is a sole publisher that takes lines, and another that comes. Those of even owners put.
func takesAndMeets(g Geometry, taker uint64) *plot {
	name := "a sole writer that takes lines, another and a gate"
	if taker == 2 {
		name += ", put by put"
	}
	if g.NoTime {
		name += ", in runs that grow"
	}
	p := named(name, g, func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a, b := w.pub(taker).open().alone().takes().sends(3, 1), w.pub(3-taker).open().sends(2, 1)
		s.play(func() { s.read(a, b) })
	})
	p.PlainSteps = true
	return p
}

// takesAndLossy is a publisher that takes lines over frames that are being read.
func takesAndLossy(g Geometry) *plot {
	name := "a writer that takes lines and a lossy reader"
	if g.NoTime {
		name += ", in runs that grow"
	}
	p := named(name, g, func(w *world) {
		s := w.sub(Lossy, 100)
		s.join(Newest())
		a := w.pub(2).open().alone().takes().sends(7, 1)
		s.play(func() { s.read(a) })
	})
	p.PlainSteps, p.count = true, true
	return p
}

// takesRemoved is a topic that goes while its publisher takes lines.
func takesRemoved(g Geometry) *plot {
	name := "a topic that is removed beside a writer that takes lines"
	if g.Exclusive {
		name += ", an exclusive one"
	}
	if g.NoTime {
		name += ", in runs that grow"
	}
	return removedBeside(name, g, false, 3, func(p *pub) { p.takes() })
}

// takerDies is a publisher that takes lines and dies, another and a gate.
func takerDies() *plot {
	p := named("a writer that takes lines and dies, another and a gate", timeless(lossless(8, 2)), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		a := w.pub(2).open().alone().takes().sends(3, 1)
		a.Mortal = true
		b := w.pub(1).open().sends(1, 1)
		s.play(func() { s.read(a, b) })
	})
	p.Crashes, p.PlainSteps = 1, true
	return p
}

// exclusive is a geometry that takes one publisher at a time.
func exclusive(g Geometry) Geometry {
	g.Exclusive = true
	return g
}
