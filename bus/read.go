package bus

import (
	"errors"
	"math/bits"
	"runtime"
	"time"

	"shmbus/internal/clock"
	"shmbus/internal/cpu"
	"shmbus/internal/invariants"
	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// How a Subscriber gets at frames that are there.

// mostAhead is how many frames a lossless subscription reads at once, at most. What a call does besides reading takes longer than that, and
// lines that come from another core come together.
const mostAhead = 32

// behind is how many slots a subscription that reads a stream lets lie between itself and the publisher, if the ring has four times as many. Who reads at the publisher's heels
// takes lines away from it that it still stores to, or is about to.
const behind = 128

// many is how many frames to read at once. A look at a frame that is not there takes its line away from the publisher that is about to fill it,
// who then waits for it to come back; and a CPU that guesses that one more frame is there looks on its own. So several are read only as far as the stream is known to have
// come, or where there are runs, whose frames come together.
func (s *Subscriber) many() int {
	pos, edge := s.r.Position(), s.r.AtEdge()
	switch {
	case s.slow:
		return 1
	case edge && s.streak >= mostAhead:
		s.ebbs = false
		s.probe(pos)
	case s.streak >= 2 && pos >= s.probed:
		s.probe(pos)
	}
	switch {
	case edge || s.r.AmidRuns(1):
		return mostAhead
	case pos < s.sure:
		return int(min(mostAhead, s.sure-pos))
	}
	return 1
}

// probe looks how far the stream has come. Whoever has read one for long and is close to its end looks away for a moment, so that there is more, and is told so. Only where that brings little
// is the tail looked at, which the publisher stores for each frame: if nothing has come until the next time, the stream has ended, and what is left of it is read at once.
func (s *Subscriber) probe(pos uint64) (looked bool) {
	if s.streak >= mostAhead && !s.ebbs {
		n := min(behind, s.slots/4)
		if s.reaches(pos, 2*n, n) {
			s.ended = 0
			return false
		}
		if s.ebbs = s.ended != 0 && s.ring.Tail() == s.ended; !s.ebbs {
			s.lookAway(s.streak)
			if s.reaches(pos, 2*n, n) {
				s.ended = 0
				return true
			}
			s.ended, looked = s.ring.Tail(), true
			if s.reaches(pos, n, n) || s.reaches(pos, n/2, n/2) {
				return true
			}
		}
	}
	if s.reaches(pos, mostAhead, mostAhead) {
		s.probed = s.sure
	}
	return looked
}

// reaches says whether the stream has come about so many slots ahead of pos, where the subscription stands. It is asked again when the position is so many further.
func (s *Subscriber) reaches(pos, slots, again uint64) bool {
	s.sure, s.probed = s.r.Reaches(slots), pos+again
	return s.sure > pos
}

// pausesPerMicrosecond is that of the CPU, or 0 if it is the only one: then nobody else goes on while this one pauses.
func pausesPerMicrosecond() int {
	if runtime.NumCPU() == 1 {
		return 0
	}
	return cpu.PausesPerMicrosecond()
}

// lookAway waits as long as it takes to publish a few frames, if so many were read without a pause that it is a stream of them: half a
// microsecond after 32 frames, and half of one more each time that there are twice as many, up to 2.5, and up to half of one for each 256 slots of the ring, in which a publisher fills half of
// them. Who reads a long stream gains from frames that lie further apart; who reads a burst gets its last
// frames that much later.
func (s *Subscriber) lookAway(streak int) {
	halves := min(bits.Len(uint(streak/mostAhead)), 5, int(s.slots/256))
	if n := halves * s.pauses / 2; n > 0 {
		cpu.Pause(uint32(n))
	}
}

// open says that there is a topic, and that nothing has happened to the handle.
func (s *Subscriber) open() bool { return s.port != nil && s.state.Load() == portOpen }

// next is the next of the frames that were read ahead; there must be one. It looks at nothing shared.
func (s *Subscriber) next() *Frame {
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	return s.shelf.pop()
}

// now is the next frame, if it is there and nothing is wrong. nil says neither what is wrong nor that there is none: try does.
func (s *Subscriber) now() *Frame {
	if !s.plain() {
		return nil
	}
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	return s.fetch(0)
}

// soon is now, after a few more looks if there is nothing yet.
func (s *Subscriber) soon() (f *Frame) {
	if !s.plain() {
		return nil
	}
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	switch {
	case s.streak == 0: // last time there was nothing more
	case s.config.mode != topics.Gate:
		if f = s.fetch(0); f != nil {
			return f
		}
	case !s.r.Has(s.r.Position()):
		s.standBack(false)
	}
	return s.fetch(s.looks())
}

// plain says that nothing is wrong with the handle that had to be looked at before it is used. A member of a group may have to look whether
// others live.
func (s *Subscriber) plain() bool {
	return segment.Mends && s.open() && s.config.mode != topics.Member
}

// glances is how many looks for a frame take about a microsecond on CPUs of today. There is no pause between them, in which an answer would
// have to wait.
const glances = 600

// looks is how often to look for a frame before anything is stored or asked that others must fetch.
func (s *Subscriber) looks() int {
	if s.config.waiting == wake.Block || s.pauses == 0 {
		return 0
	}
	return glances
}

// fetch reads frames and hands the first one out, if all is well.
func (s *Subscriber) fetch(looks int) *Frame {
	if s.refill(looks) != nil || s.state.Load() != portOpen {
		return nil
	}
	return s.shelf.pop()
}

// refill reads frames ahead, at least one if it returns no error. If there is none, it looks so many times more.
func (s *Subscriber) refill(looks int) error {
	if s.config.mode != topics.Gate {
		if looks > 0 {
			s.r.Glance(looks)
		}
		err := s.read()
		if s.streak = 0; err == nil {
			s.streak = 1
		}
		return err
	}
	for {
		if s.slow || s.room.Asleep() {
			s.awaited()
		}
		fs := s.shelf.room(s, s.many())
		s.owe(len(fs))
		n, err := s.r.BorrowMany(fs, looks)
		s.shelf.filled(n)
		s.streak += n
		if err == nil && fs[0].Span == 1 && s.from == 0 { // most often: what is done here is part of the frame's latency
			return nil
		}
		s.streak, s.ebbs = 0, false
		s.owe(0)
		if err != nil {
			s.slow = false
			return err
		}
		if s.from == 0 || s.passOver(n) > 0 {
			return nil
		}
		if s.passedLong() {
			return errPassing
		}
	}
}

// slowly is how long a slow subscription takes from one look for frames to the next.
const slowly = time.Millisecond

// awaited is called where a publisher waits for room. It is told of an eighth of the ring at a time, because to be woken for each frame would cost both
// sides more than the frame. But where frames take long, that is too long: then it is told of each, and no more than one is read ahead.
func (s *Subscriber) awaited() {
	now := clock.Now(&s.clock)
	if s.slow = now-s.asked >= int64(slowly); s.slow {
		s.idle()
	}
	s.asked = now
}

// passOver passes over those of the n frames just read that FromPosition does not ask for, and says how many are left.
func (s *Subscriber) passOver(n int) int {
	for ; n > 0 && s.shelf.peek().info.Position < s.from; n-- {
		s.shelf.pop().info.Held = false
		s.shelf.kept--
		s.passed++
	}
	if n > 0 {
		s.from = 0
	}
	return n
}

// errPassing: frames have been passed over for a while, and there may be more. Who has a context looks at it before going on.
var errPassing = errors.New("frames are passed over")

// passFor is how long frames are passed over at once.
const passFor = time.Millisecond

// passedLong says whether that has gone on for so long since the last time that it was. What lies between two stretches counts too: then a
// context is looked at once more.
func (s *Subscriber) passedLong() bool {
	now := clock.Now(&s.clock)
	switch {
	case s.passing == 0:
		s.passing = now
	case uint64(now-s.passing) >= uint64(passFor): // also if the clock was set back
		s.passing = 0
		return true
	}
	return false
}

// owe notes whether a release may have something to store once n more slots have been read: of a lossless subscription few do, of a member
// each one. With invariants checked, all of them look.
func (s *Subscriber) owe(n int) {
	s.owes = invariants.Enabled || s.borrows() && (s.config.mode == topics.Member || len(s.leaving) > 0 || s.r.Due(s.r.Position()+uint64(n)))
}

// try is the next frame, or nil if there is none, also after so many more looks. errPassing says neither.
func (s *Subscriber) try(looks int) (*Frame, error) {
	if s.port == nil {
		return nil, s.detached()
	}
	if s.void() {
		return nil, s.gone("receive from")
	}
	if f := s.shelf.hand(); f != nil {
		return f, nil
	}
	if !s.holds() { // nothing more is read
		return nil, s.gone("receive from")
	}
	err := s.refill(looks)
	if err == topics.ErrEmpty {
		s.emptied = s.r.Position()
	}
	if s.void() { // then what the ring says means nothing
		return nil, s.gone("receive from")
	}
	if f := s.shelf.hand(); f != nil {
		return f, nil // an error comes again
	}
	if err == topics.ErrEmpty && s.config.mode == topics.Gate {
		if err = s.r.Stuck(); s.void() {
			return nil, s.gone("receive from")
		}
	}
	if err == topics.ErrEmpty {
		return nil, nil
	}
	if err == errPassing {
		return nil, err
	}
	if e := (*opError)(nil); errors.As(err, &e) {
		return nil, err
	}
	return nil, s.explain(err)
}

// tryThere is try for those who do not wait: it passes over what was there when it was called, and not over more.
func (s *Subscriber) tryThere() (*Frame, error) {
	f, err := s.try(0)
	if err != errPassing {
		return f, err
	}
	for end := s.r.Position() + s.r.Lag(); err == errPassing && s.r.Position() < end; {
		f, err = s.try(0)
	}
	if err == errPassing {
		err = nil
	}
	return f, err
}

// read reads one frame, of any subscription but a lossless one.
func (s *Subscriber) read() (err error) {
	for s.shelf.ahead() == 0 {
		f := s.shelf.frame()
		if f == nil {
			f = s.shelf.more(s)
		}
		if s.config.mode == topics.Member {
			if s.shelf.oldest() != nil {
				return failKind("receive from", s.topic, ErrBusy, "a member of a group has one frame in hand at a time; release it first")
			}
			f.info.Payload, err = s.r.Take(&f.info, s.lookForDead())
			s.room.Ring(s.notify) // a publisher may have been held up by a pin that it set and took back
		} else {
			if s.config.latest {
				s.r.SkipToNewest()
			}
			f.buf, err = s.r.Copy(&f.info, f.buf)
			f.info.Payload = f.buf
		}
		if err != nil || s.void() {
			return err
		}
		s.counted = s.r.Counted()
		if f.info.Position >= s.from {
			f.port, f.info.Held = s.port, true
			s.shelf.put()
		} else if s.passed++; s.passedLong() {
			return errPassing
		}
	}
	return nil
}

// lookForDead says whether it is time that a member looks for frames of dead ones before it takes the next. When there is nothing to take
// it looks anyway.
func (s *Subscriber) lookForDead() bool {
	now := clock.Now(&s.clock)
	if now-s.looked < int64(stuckEvery) {
		return false
	}
	s.looked = now
	return true
}
