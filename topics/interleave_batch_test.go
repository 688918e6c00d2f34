//go:build shmbus_sched

package topics

// Scenarios of runs. A ring of eight slots gives batches of two slots at most, so runs of two.

// runsAndGate is runs that go round the ring, and a gate that holds the head back also in their middle.
func runsAndGate(most int) *plot {
	p := named("a writer of runs and a gate that reads "+map[int]string{1: "one", 2: "two", mostRun: "each as one"}[most], lossless(8, 1), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p := w.pub(1).open()
		a := p.play(func() {
			p.batch(1)
			p.batch(1, 1, 1, 1, 1, 1, 1, 1, 1)
		})
		s.play(func() { s.readUpTo(most, a) })
	})
	return p
}

// batchAndJoiner is a writer of batches whose frames are stamped one by one, another that goes round the ring, so that the head comes into an open claim, and a
// reader that joins.
func batchAndJoiner(mode Mode) *plot {
	p := named("a writer of batches, another that laps it, and a reader that joins, mode "+[]string{"tap", "lossy", "gate"}[mode], lossless(8, 2), func(w *world) {
		p, q := w.pub(1).open(), w.pub(2).open()
		a := p.play(func() { p.batch(1, 2) })
		b := q.sends(8, 1)
		s := w.sub(mode, 100)
		s.play(func() {
			s.join(Newest())
			s.read(a, b)
		})
	})
	p.PlainSteps = mode != Gate
	return p
}

// runsOfTwo is two writers of runs and a gate.
func runsOfTwo() *plot {
	return named("two writers of runs and a gate", lossless(8, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p, q := w.pub(1).open(), w.pub(2).open()
		a := p.play(func() { p.batch(1, 1) })
		b := q.play(func() { q.batch(1, 1) })
		s.play(func() { s.read(a, b) })
	})
}

// runsAndLossy is runs that overwrite each other while they are read.
func runsAndLossy() *plot {
	p := named("a writer of runs and a lossy reader", overwriting(8, 1), func(w *world) {
		s := w.sub(Lossy, 100)
		s.join(Newest())
		p := w.pub(1).open()
		a := p.play(func() { p.batch(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) })
		s.play(func() { s.read(a) })
	})
	p.PlainSteps, p.count = true, true
	return p
}

// runAndNewest is a reader that wants only the newest frame, which is the last one of a run.
func runAndNewest() *plot {
	p := named("a writer of runs and a reader of the newest frame", overwriting(8, 1), func(w *world) {
		s := w.sub(Lossy, 100)
		s.join(Newest())
		p := w.pub(1).open()
		a := p.play(func() { p.batch(1, 1, 1, 1) })
		s.play(func() {
			s.latest = true
			s.read(a)
		})
	})
	p.PlainSteps = true
	return p
}

// runAndJoiner is a reader that begins within a run.
func runAndJoiner(mode Mode) *plot {
	p := named("a writer of runs and a reader that joins within one, mode "+[]string{"tap", "lossy", "gate"}[mode], lossless(8, 1), func(w *world) {
		p := w.pub(1).open()
		p.has(2)
		a := p.play(func() { p.batch(1, 1, 1, 1, 1, 1, 1, 1) })
		s := w.sub(mode, 100)
		s.play(func() {
			s.join(Last(1))
			s.read(a)
		})
	})
	p.PlainSteps = mode != Gate
	return p
}

// has is a publisher that has published a run of so many frames before anything begins.
func (p *pub) has(frames int) {
	var ps [][]byte
	for i := range frames {
		ps = append(ps, payload(p.wr.ID(), uint64(i)+1, 1))
		p.w.at = append(p.w.at, fate{committed, 1, p.wr.ID(), i > 0}) // of what nobody's step stores the world hears nothing
	}
	if n, err := p.wr.Batch(ps, KindRaw, timeOfBatch); n != frames || err != nil {
		p.w.x.Fail("a batch: %d, %v", n, err)
	}
	p.sent = uint64(frames)
}

// runWriterDies is a writer of runs that dies at any step, and another.
func runWriterDies() *plot {
	p := named("a writer of runs that dies, another and a gate", lossless(8, 2), func(w *world) {
		s := w.sub(Gate, 100)
		s.join(Newest())
		p := w.pub(1).open()
		a := p.play(func() { p.batch(1, 1) })
		a.Mortal = true
		b := w.pub(2).open().sends(1, 1)
		s.play(func() { s.read(a, b) })
	})
	p.Crashes, p.heavy = 1, false
	return p
}

// runMembers is two members that share runs.
func runMembers() *plot {
	p := group("a writer of runs and two members of a group", 8, 3, func(w *world) {
		p := w.pub(1).open()
		a := p.play(func() { p.batch(1, 1, 1, 1) })
		for owner := range uint64(2) {
			s := w.member(100 + owner)
			s.enter()
			s.play(func() { s.share(9, a) })
		}
	})
	p.heavy, p.restless = false, true
	return p
}

// runMemberDies is a member that dies at any step, also within a run, and one that lives.
func runMemberDies() *plot {
	p := group("a writer of runs, a member that dies, and another", 8, 3, func(w *world) {
		p := w.pub(1).open()
		a := p.play(func() { p.batch(1, 1) })
		w.oneOfTwoDies(a)
	})
	p.Crashes, p.heavy = 1, false
	return p
}
