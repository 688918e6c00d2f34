//go:build shmbus_sched

package topics

import (
	"slices"

	"shmbus/internal/mem"
	"shmbus/internal/sched"
)

// A sub is a subscription, as bus has it.
type sub struct {
	w      *world
	a      *sched.Actor
	owner  uint64
	ring   *Ring
	rd     *Reader
	mode   Mode
	joined bool
	closed bool
	kicked bool   // its line bars nobody any more
	part   bool   // it does not read to the end
	latest bool   // it skips to the newest frame
	from   uint64 // where it began
	freed  uint64 // the head may go as far as this
	got    []uint64
	buf    []byte
}

func (w *world) sub(mode Mode, owner uint64) *sub {
	s := &sub{w: w, owner: owner, mode: mode, ring: w.process(owner)}
	w.subs = append(w.subs, s)
	return s
}

// join joins, waiting for a line if there is none; false: the topic is gone.
func (s *sub) join(start Start) bool {
	rd, err := s.ring.NewReader(s.mode, start, s.owner)
	for err == ErrNoLine && s.a != nil {
		s.a.Await(false, func() uint64 { return bit(s.w.free()) })
		rd, err = s.ring.NewReader(s.mode, start, s.owner)
	}
	if s.mode == Gate && err == nil && s.a != nil {
		s.w.ringRoom()
	}
	if err == ErrRemoved {
		return false
	}
	if err != nil {
		s.w.x.Fail("a join: %v", err)
		return false
	}
	s.rd, s.from, s.freed, s.joined = rd, rd.Position(), rd.Position(), true
	return true
}

// free says whether there is a line for a subscription.
func (w *world) free() bool {
	for i := range w.ring.gates {
		if o := w.ring.gates[i].owner.Load(); o == 0 || w.x.Dead(o) {
			return true
		}
	}
	return false
}

// read reads until these actors are done and all is read, or the topic is gone.
func (s *sub) read(writers ...*sched.Actor) { s.readUpTo(2, writers...) }

// readUpTo is read, up to so many frames at once.
func (s *sub) readUpTo(most int, writers ...*sched.Actor) {
	for over := false; ; {
		had := len(s.got)
		for s.one(most) {
			if s.w.s.count {
				s.rd.Lost()
			}
			s.mark(1)
		}
		s.mark(2 + int(bit(over)))
		if over && len(s.got) == had && !s.closed {
			s.w.x.Fail("nothing is read at %d, though all have finished and the tail is %d", s.rd.Position(), s.ring.Tail())
		}
		if s.closed {
			return
		}
		why := s.a.Await(s.w.deaths, func() uint64 {
			switch {
			case s.rd.Ready():
				return 1
			case s.w.x.Done(writers...):
				return 2
			}
			return 0
		})
		if why == 2 && s.rd.Lag() == 0 {
			return
		}
		over = why == 2 && !s.w.deaths
		if why != 1 {
			s.recover()
		}
	}
}

// died is how many publishers are dead.
func (w *world) died() uint64 {
	n := uint64(0)
	for _, p := range w.pubs {
		n += bit(w.x.Dead(p.owner))
	}
	return n
}

// sleeper reads until these actors are done and all is read, and sleeps in between. Nobody rings when they are done: it looks from time
// to time.
func (s *sub) sleeper(writers ...*sched.Actor) {
	done := func() uint64 { return bit(s.w.x.Done(writers...)) }
	for {
		for s.one(2) {
			s.mark(1)
		}
		s.mark(2)
		if s.w.bed.wait(s.w.bed.data(), s.rd.Ready) != 0 {
			continue
		}
		s.recover()
		if s.a.Observe(done) == 1 && s.rd.Lag() == 0 {
			return
		}
	}
}

// take reads n frames and sleeps in between.
func (s *sub) take(n int) {
	for until := len(s.got) + n; len(s.got) < until; {
		for !s.one(until - len(s.got)) {
			s.mark(2)
			if s.closed {
				return
			}
			if s.w.bed.wait(s.w.bed.data(), s.rd.Ready) == 0 {
				s.recover()
			}
		}
		s.mark(1)
	}
}

// recover looks whether the one that holds the reader up is dead.
func (s *sub) recover() {
	if pos := s.rd.Position(); s.rd.Lag() > 0 && !s.ring.Held(pos) && s.ring.Recover(pos) {
		s.w.ringBoth()
	}
}

// close leaves.
func (s *sub) close() {
	s.closed = true
	s.rd.Close()
	s.w.ringRoom()
	s.a.Mark(0xc)
}

// mark is as pub's.
func (s *sub) mark(step int) {
	r := s.rd
	h := mix(uint64(step), s.freed)
	for _, v := range [...]uint64{uint64(r.index), r.kind, r.pos, r.stored, r.received, uint64(r.laps), r.loss.total, r.attempts, r.run.start, r.run.end, uint64(min(r.runs, 3)), bit(s.closed), s.from} {
		h = mix(h, v)
	}
	for _, v := range r.loss.next {
		h = mix(h, v)
	}
	s.a.Mark(h)
}

// one reads a frame, or at most most of a gate, and not more than two unless they are a run, if there are any.
func (s *sub) one(most int) bool {
	var fs [mostRun]Frame
	n := 1
	var err error
	if s.mode == Gate {
		if n, err = s.rd.borrow(each(fs[:most]), 0); err == ErrEmpty {
			err = s.rd.Stuck()
		}
	} else {
		if s.latest {
			s.rd.SkipToNewest()
		}
		fs[0].Payload, err = s.rd.Copy(&fs[0], s.buf)
		s.buf = fs[0].Payload[:0]
	}
	switch err {
	case nil:
	case ErrEmpty:
		s.rd.Idle()
		if s.mode == Gate {
			s.freed = s.rd.Position()
			if s.rd.Store(s.rd.Position()) {
				s.w.ringRoom()
			}
		}
		return false
	case ErrRemoved, ErrKicked:
		s.closed = true
		return false
	default:
		s.w.x.Fail("a read: %v", err)
		return false
	}
	for i := range fs[:n] {
		if !s.whole(&fs[i]) {
			return false
		}
	}
	return true
}

// whole checks a frame that was read, and releases it.
func (s *sub) whole(f *Frame) bool {
	c := make([]byte, len(f.Payload))
	mem.Copy(c, f.Payload)
	if want := payload(f.Publisher(), f.Sequence(), f.Length()/8); !slices.Equal(c, want) || f.Length() == 0 || !s.w.timely(f) {
		if s.mode == Gate && s.w.s.PlainSteps && s.a.Observe(func() uint64 { return bit(s.kicked) }) == 1 {
			s.closed = true
			return false
		}
		s.w.x.Fail("torn: position %d, frame %d of publisher %d, %d bytes: % x, not % x", f.Position, f.Sequence(), f.Publisher(), f.Length(), c, want)
	}
	s.got = append(s.got, f.Position)
	s.w.x.Note(mix(s.owner, f.Position))
	if s.mode == Gate {
		s.freed = f.Position + f.Span
		if s.rd.Release(f.Position + f.Span) {
			s.w.ringRoom()
		}
	}
	return true
}

// timely says whether the frame's time can be that.
func (w *world) timely(f *Frame) bool {
	if w.s.g.NoTime {
		return f.Time() == 0 || f.Time() == timeOfBatch
	}
	return uint64(f.Time()) == f.Sequence() || f.Time() == timeOfBatch
}

// check is what must hold for a subscription that has read to the end.
func (s *sub) check() {
	if !s.joined || s.closed || s.part || s.mode == Member || s.w.x.Dead(s.owner) {
		return
	}
	want := s.w.committed(s.from)
	if s.mode == Gate {
		if !slices.Equal(s.got, want) {
			s.w.x.Fail("frames at %v were received, of %v", s.got, want)
		}
		return
	}
	i := 0
	for _, pos := range s.got {
		for i < len(want) && want[i] < pos {
			i++
		}
		if i == len(want) || want[i] != pos {
			s.w.x.Fail("frames at %v were received, of %v", s.got, want)
			return
		}
		i++
	}
	// Who died between the count and the stamp has left a number that was never a frame.
	if n, most := uint64(len(s.got))+s.rd.Lost(), s.w.died(); n < uint64(len(want)) || n > uint64(len(want))+most {
		s.w.x.Fail("%d received and %d lost, of %d", len(s.got), s.rd.Lost(), len(want))
	}
}
