package bus

import (
	"runtime"

	"shmbus/internal/invariants"
)

// What a Subscriber counts.

// Lost is the exact number of frames that were overwritten before this subscription came to them, or that it had not received when the topic was removed, over all publishers. Of a lossless
// subscription those are the ones that a topic of WaitForTopic or FromFirst had overwritten when it joined, and no more; of a Group it is 0. It
// counts what is known by now: frames lost at the end are counted once something later has been received or the ring has been seen empty.
func (s *Subscriber) Lost() uint64 {
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	defer runtime.KeepAlive(s) // what is collected is unmapped
	if s.port == nil {
		return s.lost
	}
	s.countNow()
	return s.lost + s.counted
}

// LostBy is Lost by publisher id, since the topic was last attached to. Frames of publishers that came and went unseen between two
// others on the same line are counted to the one before them, and those after which nothing has come by the line to whom the line belongs
// now, who may have published nothing; 0 stands for unknown. The sum is exact.
func (s *Subscriber) LostBy() map[uint64]uint64 {
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	defer runtime.KeepAlive(s)
	m := make(map[uint64]uint64)
	if s.port != nil {
		s.countNow()
		s.r.CountedBy(func(id, n uint64) { m[id] = n })
	}
	return m
}

// SubscriberStats is where a Subscriber stands.
type SubscriberStats struct {
	Position uint64 // of the next frame to be read
	Lag      uint64 // slots claimed by publishers and not read; above 0 with nothing to receive, a frame is being written
	Received uint64 // frames
	Lost     uint64 // frames
}

// Stats is where the subscription stands now. It is for the subscriber's goroutine.
func (s *Subscriber) Stats() SubscriberStats {
	defer runtime.KeepAlive(s)
	st := SubscriberStats{Lost: s.Lost(), Received: s.received}
	if s.port != nil {
		st.Position = s.r.Position()
		ahead := s.shelf.ahead() // read, but not received by anybody
		if ahead > 0 {
			st.Position = s.shelf.peek().info.Position
		}
		st.Received += s.r.Received() - uint64(ahead) - s.passed
		if !s.void() {
			s.quiet(func() { st.Lag = s.r.Lag() + s.r.Position() - st.Position })
		}
	}
	return st
}

// countNow counts what is known by now.
func (s *Subscriber) countNow() {
	if !s.void() {
		s.quiet(s.count)
	}
	if s.void() {
		s.countAt()
	}
}

// countAt is count once the memory is gone.
func (s *Subscriber) countAt() {
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	if s.port.marks != nil {
		s.r.SettleAt(s.port.marks)
		s.counted = s.r.Counted()
	}
}

// count looks how many frames this attachment has lost.
func (s *Subscriber) count() {
	if n := s.r.Lost(); !s.void() { // otherwise it may have looked at zeros
		s.counted = n
	}
}

// settle adds the counts of this attachment to those of earlier ones.
func (s *Subscriber) settle() {
	if s.port == nil {
		return
	}
	if !s.void() {
		s.quiet(s.count)
	}
	s.lost += s.counted
	s.received += s.r.Received() - uint64(s.shelf.ahead()) - s.passed
	s.counted, s.passed = 0, 0
}
