package bus

import (
	"context"
	"time"

	"shmbus/internal/invariants"
	"shmbus/topics"
)

// mostBatch is how many frames a Batch has at most.
const mostBatch = mostAhead

// A Batch is frames that were received at once, by ReceiveBatch: the quickest way to read many small ones. The zero Batch is empty, and ready for use. It
// and what it gives belong to the Subscriber's goroutine, until Release or the next ReceiveBatch with it; it must not be copied while it holds frames. An
// index that is not below Len makes it panic, as that of a slice does.
//
// In a stream of runs (frames of a PublishBatch that are alike, or of a publisher that is alone, see docs/PROTOCOL.md) each run of eight frames or more, or behind one, is a Batch, with one description: then a
// frame costs little more than the look at its bytes.
type Batch struct {
	frames []*Frame     // in order; nothing is in them if they are a run
	first  *Frame       // of a run; nil: each frame stands for itself
	ring   *topics.Ring // in which the run is
}

// Len is how many frames there are, at most 32.
func (b *Batch) Len() int { return len(b.frames) }

// at is what describes frame i, and how many slots behind it in its run the frame lies.
func (b *Batch) at(i int) (f *Frame, behind int) {
	if b.first != nil && uint(i) < uint(len(b.frames)) {
		return b.first, i
	}
	return b.frames[i], 0
}

// Bytes is the payload of frame i, as Frame.Bytes.
func (b *Batch) Bytes(i int) []byte {
	if b.first != nil && uint(i) < uint(len(b.frames)) {
		return b.ring.Beside(b.first.Bytes(), i)
	}
	return b.frames[i].Bytes()
}

// Decode decodes the msgpack payload of frame i into v, as Frame.Decode.
func (b *Batch) Decode(i int, v any) error {
	f, _ := b.at(i)
	return f.decode(b.Bytes(i), v)
}

// Position is the place of frame i in the topic, as Frame.Position.
func (b *Batch) Position(i int) uint64 {
	f, behind := b.at(i)
	return f.Position() + uint64(behind)
}

// Sequence counts the frames of frame i's publisher, as Frame.Sequence.
func (b *Batch) Sequence(i int) uint64 {
	f, behind := b.at(i)
	return f.Sequence() + uint64(behind)
}

// Publisher is the id of frame i's publisher.
func (b *Batch) Publisher(i int) uint64 {
	f, _ := b.at(i)
	return f.Publisher()
}

// Attempt is 1, or more for a frame that earlier members of the group have had, as Frame.Attempt.
func (b *Batch) Attempt(i int) int {
	f, _ := b.at(i)
	return f.Attempt()
}

// Time is when frame i was committed, as Frame.Time.
func (b *Batch) Time(i int) time.Time {
	f, _ := b.at(i)
	return f.Time()
}

// Kind says how the payload of frame i is encoded.
func (b *Batch) Kind(i int) Kind {
	f, _ := b.at(i)
	return f.Kind()
}

// Err is not nil if Bytes may not be the payloads any more, as Frame.Err.
func (b *Batch) Err() error {
	if b.first != nil {
		return b.first.Err()
	}
	for _, f := range b.frames {
		if err := f.Err(); err != nil {
			return err
		}
	}
	return nil
}

// Release gives all frames back, and leaves the Batch empty. To release an empty one does nothing.
func (b *Batch) Release() {
	if b.first != nil {
		b.first.Release()
	} else {
		for _, f := range b.frames {
			f.Release()
		}
		clear(b.frames) // an empty Batch keeps no subscription
	}
	b.frames, b.first = b.frames[:0], nil
}

// ReceiveBatch waits for the next frame as Receive does, and takes along those that are there behind it: up to 32, or up to one of more than 4 KiB, or the
// rest of a run; a member of a group gets one. It may be fewer than are there: the next call has more. What b held before is released first. Until a Batch
// is released, a lossless subscription holds publishers back from its first frame on. Errors are as for Receive, and then no frame was received, and
// b is empty.
func (s *Subscriber) ReceiveBatch(ctx context.Context, b *Batch) error {
	b.Release()
	if b.frames == nil {
		b.frames = make([]*Frame, 0, mostBatch)
	}
	if s.receiveRun(b) {
		return nil
	}
	f, err := s.Receive(ctx)
	for f != nil {
		b.frames = append(b.frames, f)
		n := len(b.frames)
		if n == mostBatch || f.info.Length() > large {
			break
		}
		n += s.handOut(b.frames[n:mostBatch])
		if b.frames = b.frames[:n]; n == mostBatch || b.frames[n-1].info.Length() > large || s.nextIsRun(n) {
			break
		}
		f = s.now() // an error comes again
	}
	return err
}

// large is how many bytes a frame has at most behind which others are taken along: more of them would be held for long, or copied, at once.
const large = 4 << 10

// longRun is how many frames a run has that is worth a Batch of its own.
const longRun = 8

// amidRuns says whether the next frames are likely to be those of a long run, which ReceiveBatch reads as one.
func (s *Subscriber) amidRuns() bool { return s.config.mode == topics.Gate && s.r.AmidRuns(longRun) }

// nextIsRun says whether a Batch of n frames had better end here, so that the next one is a run, or what is left of it.
func (s *Subscriber) nextIsRun(n int) bool {
	if !s.amidRuns() {
		return false
	}
	left := s.r.LeftOfRun()
	return left == 0 || left > mostBatch-n
}

// receiveRun receives what is left of a run, if the subscription is within one or has just read one, and there is nothing else to be looked after.
func (s *Subscriber) receiveRun(b *Batch) bool {
	if !s.plain() || !s.amidRuns() || s.shelf.some() || s.from != 0 {
		return false
	}
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	if s.slow || s.room.Asleep() {
		s.awaited()
	}
	looked := false
	if pos := s.r.Position(); s.streak >= mostAhead && pos >= s.probed && !s.slow {
		looked = s.probe(pos)
	}
	f := s.shelf.room(s, 1)[0]
	n, err := s.r.BorrowRun(f)
	if n == 0 && err == nil && s.streak > 0 && !s.r.Has(s.r.Position()) { // it has caught up with the stream, as soon may
		s.standBack(looked)
		if s.r.Glance(s.looks()) {
			n, err = s.r.BorrowRun(f)
		}
	}
	if n == 0 || err != nil || s.void() { // then what was read means nothing; an error comes again
		s.shelf.filled(0)
		s.passed += uint64(n)
		return false
	}
	s.shelf.filled(1)
	s.streak += n
	s.owe(0)
	b.frames, b.first, b.ring = b.frames[:n], s.shelf.pop(), s.ring
	return true
}

// handOut hands out frames that were read ahead, up to a large one, and says how many. It looks at nothing shared.
func (s *Subscriber) handOut(fs []*Frame) int {
	n := min(s.shelf.ahead(), len(fs))
	if n == 0 || s.state.Load() != portOpen {
		return 0
	}
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	if s.roomy {
		n = s.shelf.upTo(large, n)
	}
	return s.shelf.popMany(fs[:n])
}
