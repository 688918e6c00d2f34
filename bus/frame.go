package bus

import (
	"bytes"
	"fmt"
	"runtime"
	"time"

	"shmbus/internal/invariants"
	"shmbus/segment"
	"shmbus/topics"
)

// A Frame is one published payload, as a Subscriber received it. It belongs to the Subscriber's goroutine until Release; after
// that neither it nor its Bytes may be used, because the Subscriber uses both again.
type Frame struct {
	info topics.Frame
	sub  *Subscriber
	port *port  // that the frame was read through
	buf  []byte // lossy: the copy's memory
}

// Bytes is the payload, valid until Release. For a lossless subscription it is the ring's own memory and must not be written:
// the system forbids it. Otherwise it is a copy. The garbage collector does not see the ring's memory: it stays as long as the Frame or the Subscriber can be
// reached, to be released or closed, and not longer.
func (f *Frame) Bytes() []byte {
	if invariants.Enabled {
		invariants.Check(f.info.Held, "Frame.Bytes after Release")
	}
	return f.info.Payload
}

// Err is not nil if Bytes may not be the payload any more: the bus's file was cut short while a lossless subscription held the frame, and its
// memory reads as zeros (ErrCorrupt), or publishers may have gone round the ring since, because the subscription was ended with Kick (ErrKicked), this process has
// lost its lease, so that others take it for dead (ErrClosed), or another goroutine has closed the subscription or the Bus, so that it reads as zeros (ErrClosed). Whoever has to know looks after reading. A call of the subscription says so in any case, once the frames are handed out that had been read ahead.
func (f *Frame) Err() error {
	const op = "read a frame of"
	if f.port == nil || !f.sub.borrows() {
		return nil
	}
	switch f.port.state.Load() {
	case portOpen:
		if f.port != f.sub.port {
			break
		}
		if err := f.sub.r.Keeps(); err != nil { // or it was closed meanwhile, and its line reads as zeros: then blame says so
			return f.port.blame(op, err)
		}
	case portStale: // the memory is still there
	default:
		return f.port.gone(op)
	}
	return nil
}

// Clone is a copy of the payload that the caller owns.
func (f *Frame) Clone() []byte {
	b := bytes.Clone(f.Bytes())
	runtime.KeepAlive(f)
	return b
}

// Decode decodes a msgpack payload into v, a pointer. What it fills in does not alias the frame. A payload that counts more values than it
// can hold, or nests arrays and maps more than MaxNesting deep, is an error before anything is allocated. A panic of the decoder, which some values that do not fit v are
// for it, is an error, too, also of v's own decoding methods.
func (f *Frame) Decode(v any) error {
	err := f.decode(f.Bytes(), v)
	runtime.KeepAlive(f)
	return err
}

// decode is Decode for a payload of f's kind.
func (f *Frame) decode(b []byte, v any) error {
	if f.info.Kind() != topics.KindMsgpack {
		return fail("decode a frame of", f.sub.topic, fmt.Errorf("its kind is %v, not msgpack; use Bytes", f.info.Kind()))
	}
	return fail("decode a frame of", f.sub.topic, segment.Guard(func() error {
		return unmarshal(b, v)
	}))
}

// Release gives the frame back. A lossless subscription holds publishers back until its oldest frame has been released; frames may
// be released in any order. Publishers that wait are told of it by the calls that receive: for an eighth of the ring at a time (in a stream of small
// frames, when half of it is free), when there is nothing more to receive, and where frames take a millisecond or more, for each (once those are
// released that were read ahead, up to 32; frames of a batch that were published together are given back together).
// Releasing twice in a row does nothing.
func (f *Frame) Release() {
	if f.info.Held {
		f.info.Held = false
		f.sub.shelf.kept--
		if f.sub.owes {
			f.sub.releaseMore(f)
		}
	}
}

// releaseMore does what is due at a release.
func (s *Subscriber) releaseMore(f *Frame) {
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	if !s.borrows() {
		return
	}
	if s.port != f.port {
		s.shelf.kept++ // it was on an earlier shelf
		s.returned(f.port)
		return
	}
	switch c := s.cursor(); {
	case !s.holds():
	case s.config.mode == topics.Member:
		s.quiet(func() {
			s.r.Ack()
			s.room.Ring(s.notify)
		})
	case s.r.Due(c):
		s.quiet(func() {
			if s.r.Store(c) {
				if s.r.MayTake() {
					s.port.takeLines(s.r)
				}
				if !s.early(c) {
					s.room.Ring(s.notify)
				}
			}
			s.owe(0)
		})
	}
}

// early says that publishers that wait for room had better sleep on: in a stream of small frames until half of the ring is free, because to be
// woken costs both sides as much as hundreds of frames. What is free they find by themselves every recoverEvery.
func (s *Subscriber) early(cursor uint64) bool {
	return s.streak >= mostAhead && s.room.Asleep() && s.ring.Tail()-cursor > uint64(s.ring.Geometry().Slots/2)
}

// Topic is the name of the topic.
func (f *Frame) Topic() string { return f.sub.topic }

// Position is the frame's place in the topic: it rises from frame to frame, by the slots they take, and is never used again.
func (f *Frame) Position() uint64 { return f.info.Position }

// Sequence counts the frames of one publisher: 1 for its first, and one more for each that follows.
func (f *Frame) Sequence() uint64 { return f.info.Sequence() }

// Publisher is the id of the publisher, never used again on the topic.
func (f *Frame) Publisher() uint64 { return f.info.Publisher() }

// Time is when the frame was committed, by the publisher's clock; zero if the topic has NoTime. The frames of a batch share it.
func (f *Frame) Time() time.Time {
	if f.info.Time() == 0 {
		return time.Time{}
	}
	return time.Unix(0, f.info.Time())
}

// Attempt is 1, or more for a frame of a group whose earlier members died or left before they released it, or, see Group, just then: 2 when it is handed out
// for the second time. Somebody has to give up on a frame that kills all who touch it.
func (f *Frame) Attempt() int { return max(1, int(f.info.Attempt)) }

// Kind says how the payload is encoded.
func (f *Frame) Kind() Kind { return f.info.Kind() }

// borrows says whether frames are lent by the ring, not copied.
func (s *Subscriber) borrows() bool { return s.config.mode >= topics.Gate }

// cursor is the position of the oldest frame not released, or of the next to be read.
func (s *Subscriber) cursor() uint64 {
	if f := s.shelf.oldest(); f != nil {
		return f.info.Position
	}
	return s.r.Position()
}
