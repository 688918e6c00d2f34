package bus

import (
	"bytes"
	"fmt"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"shmbus/internal/invariants"
	"shmbus/topics"
)

// A Frame is one published payload, as a Subscriber received it. It belongs to the Subscriber's goroutine until Release; after
// that neither it nor its Bytes may be used, because the Subscriber uses both again.
type Frame struct {
	info topics.Frame
	data []byte
	buf  []byte // lossy: the copy's memory
	sub  *Subscriber
	port *port // that the frame was read through
	held bool
	uses uint64 // how often it was handed out
	next *Frame
}

// Bytes is the payload, valid until Release. For a lossless subscription it is the ring's own memory and must not be written:
// the system forbids it. Otherwise it is a copy.
func (f *Frame) Bytes() []byte {
	if invariants.Enabled {
		invariants.Check(f.held, "Frame.Bytes after Release")
	}
	return f.data
}

// Clone is a copy of the payload that the caller owns.
func (f *Frame) Clone() []byte { return bytes.Clone(f.Bytes()) }

// Decode decodes a msgpack payload into v, a pointer. What it fills in does not alias the frame.
func (f *Frame) Decode(v any) error {
	if f.info.Kind != topics.KindMsgpack {
		return fail("decode a frame of", f.sub.topic, fmt.Errorf("its kind is %v, not msgpack; use Bytes", f.info.Kind))
	}
	return fail("decode a frame of", f.sub.topic, msgpack.Unmarshal(f.Bytes(), v))
}

// Release gives the frame back. A lossless subscription holds publishers back until its oldest frame has been released; frames may
// be released in any order. Releasing twice in a row does nothing.
func (f *Frame) Release() {
	if !f.held {
		return
	}
	if invariants.Enabled {
		f.sub.guard.Enter("a Subscriber")
		defer f.sub.guard.Leave()
	}
	f.release()
}

func (f *Frame) release() {
	f.held = false
	s := f.sub
	if s.config.mode != topics.Gate {
		s.pool.put(f)
		return
	}
	if s.port != f.port {
		s.returned(f.port)
		return
	}
	if f != s.oldest || s.state.Load() == portClosed {
		return // not the oldest: it goes with the ones before it
	}
	for s.oldest != nil && !s.oldest.held {
		o := s.oldest
		s.oldest = o.next
		o.next = nil
		s.pool.put(o)
	}
	if s.oldest == nil {
		s.newest = nil
	}
	if s.r.Release(s.cursor()) {
		s.room.Ring(s.notify)
	}
}

// Topic is the name of the topic.
func (f *Frame) Topic() string { return f.sub.topic }

// Position is the frame's place in the topic: it rises from frame to frame, by the slots they take, and is never used again.
func (f *Frame) Position() uint64 { return f.info.Position }

// Sequence counts the frames of one publisher: 1 for its first, and one more for each that follows.
func (f *Frame) Sequence() uint64 { return f.info.Sequence }

// Publisher is the id of the publisher, never used again on the topic.
func (f *Frame) Publisher() uint64 { return f.info.Publisher }

// Time is when the frame was committed, by the publisher's clock; zero if the topic has NoTime. The frames of a batch share it.
func (f *Frame) Time() time.Time {
	if f.info.Time == 0 {
		return time.Time{}
	}
	return time.Unix(0, f.info.Time)
}

// Kind says how the payload is encoded.
func (f *Frame) Kind() Kind { return f.info.Kind }

// hold puts a borrowed frame at the end of the list of those held.
func (s *Subscriber) hold(f *Frame) {
	if s.newest == nil {
		s.oldest = f
	} else {
		s.newest.next = f
	}
	s.newest = f
}

// cursor is the position of the oldest frame not released, or of the next to be read.
func (s *Subscriber) cursor() uint64 {
	if s.oldest != nil {
		return s.oldest.info.Position
	}
	return s.r.Position()
}

// A frameQueue holds frames to be used again, first in, first out, so that a frame that is wrongly used after Release stays
// as it was for as long as can be.
type frameQueue struct{ first, last *Frame }

func (q *frameQueue) get() *Frame {
	f := q.first
	if f != nil {
		q.first = f.next
		f.next = nil
		if q.first == nil {
			q.last = nil
		}
	}
	return f
}

func (q *frameQueue) put(f *Frame) {
	if q.last == nil {
		q.first = f
	} else {
		q.last.next = f
	}
	q.last = f
}
