package topics

import (
	"context"
	"math"
	"sync/atomic"

	"shmbus/internal/clock"
	"shmbus/internal/mem"
	"shmbus/wake"
)

// A Writer claims, fills and commits frames through one writer line. It is for one goroutine at a time. Of itself it never waits: where it
// would have to, it says for what, and Ready says when to try again.
type Writer struct {
	// Fields that Publish loads for each frame do not lie at the beginning of a line, nor 8 or 32 bytes behind it, as the words do that it stores in its line and in others: a load from where
	// in another page something has just been stored waits until that has left for the cache, which may be for long. TestHotFieldsLieBesideSharedWords sees to it.
	ring    *Ring
	index   uint64   // of the line
	control *control // of the ring
	line    *writerLine
	id      uint64    // of the publisher
	cells   mem.Cells // of the ring, for frames of one slot

	number    uint64         // of the next frame on the line
	base      uint64         // number before this publisher's first frame
	next      uint64         // the tail after this writer's last claim, or the head when it came: the tail is never below; see astray
	owner     uint64         // of the line
	room      uint64         // positions below it are free to claim, as far as this writer knows
	key       uint64         // with which this writer is the sole one, or was when it last looked; one of no grant: it was not
	Stop      *atomic.Uint32 // not 0: something has happened that Rest must look at
	reached   bool           // fence.All reaches this process, so that a claim needs no fence of its own
	impatient bool           // ignore somebody else's turn this time

	pos  uint64 // of the claimed frame
	pad  uint64 // slots before it that fill the lap up
	run  growing
	sent uint64      // payload bytes on the line, across its owners
	time int64       // of the frame that Publish is at; 0: it is not known yet, or there is none
	Bell wake.Ringer // of data; for who commits in other ways than by Publish, too

	claimed uint64 // slots the frame covers; 0: no claim is open
	alone   uint64 // from there to next there is nothing but finished frames of this writer's, of one slot each, and runs

	// What the writer waits for: held changes from heldValue, or the head word from heldHead, or heldToo from heldFrom.
	held      *mem.Word
	heldValue uint64
	heldHead  uint64
	heldToo   *mem.Word // of a slot, the stamp of the run before it; of a claim, the tail; nil: there is none
	heldFrom  uint64
	heldAt    uint64 // position of the slot, for ErrHeldBySlot
	heldGate  int    // line of the gate, for ErrHeldByGate

	// Aside is called where another writer publishes at full speed too, every 64 frames or less often: it waits about as long as that
	// many frames take. No claim is open or announced then. Nil: nobody waits.
	Aside func()
	aside uint64 // number from which on it may be called again

	// What Publish needs besides Stop and Bell.
	Clock *clock.Clock                                         // nil: frames have no time
	Rest  func(ctx context.Context, b []byte, err error) error // see Publish

	short int    // bytes; longer frames are not for Publish's own copying
	large int    // bytes; of a frame of so many soon is called before it is there
	soon  func() // see Soon

	grants   uint64 // how often it has asked to be the sole one
	patience uint64 // frames to publish alone before it asks
	crossed  uint64 // number when it last found claims of others
	others   uint64 // slots that others have claimed since its patience grew, as far as it has found
	fence    mem.Fence

	// Growing runs. Watch tells how quick the writer is; nil: it lets no run grow.
	Watch       *clock.Clock
	streams     bool   // it has been quick of late
	length      int    // of the last frame that Publish has published by itself in no run: one of another length begins none
	late        bool   // it takes lines then, see lines.go
	takesNext   bool   // when a frame is out it takes the line of the next cell
	taken       uint64 // up to where it has taken them; never: it does not
	tries       uint   // how often it was in no stream since it last was
	paced       int64  // when it last looked
	pacedNumber uint64 // number then
}

// NewWriter takes a writer line for owner. Lines nobody has used come first, so that a line's numbers stay with one
// publisher as long as can be. If all are taken, those of the dead are reaped; if that frees none, the error is ErrNoLine.
func (r *Ring) NewWriter(owner uint64) (*Writer, error) {
	for attempt := 0; attempt < 2; attempt++ {
		for _, used := range []bool{false, true} {
			for i := range r.writers {
				l := &r.writers[i]
				if (l.frames.Load() != 0) != used || l.owner.Load() != 0 || !l.owner.CompareAndSwap(0, owner) {
					continue
				}
				head, removed := r.Head()
				if removed {
					l.owner.Store(0)
					return nil, ErrRemoved
				}
				w := &Writer{
					ring: r, control: r.control, cells: r.single, line: l, index: uint64(i), id: r.control.publishers.Add(1), owner: owner,
					short: min(r.cell, mostShort), large: math.MaxInt, taken: never, run: growing{length: -1},
				}
				w.room, w.next, w.alone = head+r.mask+1, head, head
				w.number = l.frames.Load()
				w.base, w.crossed = w.number, w.number
				w.sent = l.sent()
				l.bytes.Store(w.sent) // a run of the line's last owner may not have ended
				l.publisher.Store(w.id)
				l.blocked.Store(0)
				w.late = r.ownsLate()
				w.begin()
				return w, nil
			}
		}
		r.ReapWriters() // and look again, as somebody else may have reaped
	}
	if _, removed := r.Head(); removed {
		return nil, ErrRemoved
	}
	return nil, ErrNoLine
}

// Line is the index of the writer's line.
func (w *Writer) Line() int { return int(w.index) }

// ID is the publisher's id, from 1, never used again on the topic.
func (w *Writer) ID() uint64 { return w.id }

// take announces the claim [t, t+k) and moves the tail over it. The announcement comes before: whoever finds a claimed slot
// without a stamp can tell from the lines whether its writer lives. On amd64 stores are seen in their order; on arm64
// both are releases, and the tail's store cannot pass the announcement.
func (w *Writer) take(t, k uint64) bool {
	w.line.announce(t, k)
	if k == 1 && t >= w.taken {
		w.takeFor(t)
	}
	if w.advance(t, k) {
		w.next = t + k
		return true
	}
	w.closeClaim()
	return false
}

// announce says that the line's writer is about to claim [t, t+k).
func (l *writerLine) announce(t, k uint64) {
	l.length.StoreRelease(k)
	l.claim.StoreRelease(t + 1)
}

// granted says whether the claim that was taken at t is good, and gives it up otherwise: the topic may have been removed meanwhile, and if
// others have claimed since, the tail must not lie over a frame of theirs. What is written into the claim comes after this load of the
// head.
func (w *Writer) granted(t, others uint64) error {
	if others != 0 {
		w.meet(others)
	}
	switch {
	case w.control.head.Load()&positionMask == tombstone:
		w.closeClaim()
		return ErrRemoved
	case others != 0 && w.ring.inFrame(t):
		return w.astray(t)
	}
	return nil
}

// closeClaim takes the announcement of a claim back: its stamps are stored, or it was not taken, or its topic is gone.
func (w *Writer) closeClaim() {
	w.claimed = 0
	w.line.claim.StoreRelease(0)
}

// Next is the position behind the writer's last claim.
func (w *Writer) Next() uint64 { return w.next }

// Open says whether a claim is open.
func (w *Writer) Open() bool { return w.claimed != 0 }

// Payload is the first n bytes of the claimed frame's cells. n must not be larger than what was claimed.
func (w *Writer) Payload(n int) []byte { return w.ring.payload(w.pos, n) }

// Commit publishes the claimed frame with its first n bytes. The caller then looks whether somebody sleeps on the data bell, as a Ringer does:
// all stores here are release stores, which that look could pass. time is in Unix nanoseconds. ErrCorrupt: the line was given to others meanwhile.
func (w *Writer) Commit(n int, kind Kind, time int64) error {
	if w.line.owner.Load() != w.owner {
		return w.lapsed()
	}
	pos, span := w.pos, w.claimed
	w.stampPad(pos, w.pad)
	d := w.ring.at(pos)
	w.describe(d, n, kind, time)
	w.count(pos, 1, uint64(n))
	w.finish(d, pos, span)
	w.line.bytes.StoreRelease(w.sent & mostBytes)
	w.closeClaim()
	w.expect(pos, span)
	return nil
}

// finish stamps the frame at pos, which is in place, described and counted.
func (w *Writer) finish(d *slot, pos, span uint64) {
	d.stamp.StoreRelease(makeStamp(pos, span, w.ring.mask, committed))
}

// describe writes everything about a frame into its descriptor but the stamp. It comes before count: whoever finds the frame's position in the
// line, and no stamp yet, takes the number from here.
func (w *Writer) describe(d *slot, n int, kind Kind, time int64) {
	d.meta.Set(uint64(n) | w.index<<32 | uint64(kind)<<48)
	d.time.Set(uint64(time))
	d.publisher.Set(w.id)
	number := w.number
	d.number.Set(number)
	d.sequence.Set(number + 1 - w.base)
}

// count counts the frame at pos, or the run of so many frames. last comes before frames and both before the stamp, so that a reader that has passed last has
// passed all frames counted.
func (w *Writer) count(pos, frames, bytes uint64) {
	number := w.number + frames
	w.number = number
	w.sent += bytes
	w.line.last.StoreRelease(pos)
	w.line.frames.StoreRelease(number)
}

// stampPad stamps the pad slots before pos, which fill the lap up, so that readers step over them.
func (w *Writer) stampPad(pos, pad uint64) {
	if pad != 0 {
		w.ring.at(pos - pad).stamp.StoreRelease(makeStamp(pos-pad, pad, w.ring.mask, aborted))
	}
}

// Abort gives the claimed slots up: readers step over them. The caller looks at the data bell afterwards, as after Commit.
func (w *Writer) Abort() {
	if w.claimed == 0 || w.line.owner.Load() != w.owner {
		w.claimed = 0
		return
	}
	w.stampPad(w.pos, w.pad)
	w.ring.at(w.pos).stamp.StoreRelease(makeStamp(w.pos, w.claimed, w.ring.mask, aborted))
	w.closeClaim()
}

// Batch claims once for as many of ps, from the first on, as fit in a quarter of the ring (at least one), copies and commits
// them in order, and says how many they were. The caller then looks at the data bell, once. Errors are as for Claim; if
// there is no room for several frames it tries fewer before it says so.
func (w *Writer) Batch(ps [][]byte, kind Kind, time int64) (int, error) {
	r := w.ring
	most := max(1, (r.mask+1)/4)
	count := len(ps)
	w.endRun()
	if w.line.owner.Load() != w.owner {
		return 0, w.ousted()
	}
	for {
		if err := w.settle(); err != nil {
			return 0, err
		}
		t := r.control.tail.Load()
		k, c, err := w.measure(t, ps[:count], most)
		if err != nil {
			return 0, err
		}
		count = c
		if t+k > w.room || t+r.mask+1 < w.room || t < w.next {
			if err := w.makeRoom(t, k); err != nil {
				if count > 1 {
					count = (count + 1) / 2
					continue
				}
				return 0, err
			}
		}
		others := t - w.next
		if !w.take(t, k) {
			continue
		}
		if err := w.granted(t, others); err != nil {
			return 0, err
		}
		if others != 0 {
			w.alone = t
		}
		w.fill(t, ps[:count], kind, time)
		return count, nil
	}
}

// measure says how many slots the first frames of ps take from t on, up to most slots but for the first frame, and how many
// frames these are.
func (w *Writer) measure(t uint64, ps [][]byte, most uint64) (slots uint64, count int, err error) {
	r := w.ring
	small := 0 // most frames take one slot
	for small < len(ps) && uint64(small) < most && len(ps[small]) <= r.cell {
		small++
	}
	slots, count = uint64(small), small
	for i := small; i < len(ps); i++ {
		span := r.span(len(ps[i]))
		if uint64(len(ps[i])) > r.largest {
			if i == 0 {
				return 0, 0, ErrTooLarge
			}
			break
		}
		k := slots + span
		if pad := r.mask + 1 - (t+slots)&r.mask; pad < span {
			k += pad
		}
		if i > 0 && k > most {
			break
		}
		slots, count = k, i+1
	}
	return slots, count, nil
}

// fill writes and stamps the frames of a claimed batch in order.
func (w *Writer) fill(t uint64, ps [][]byte, kind Kind, time int64) {
	r := w.ring
	for len(ps) > 0 {
		p, next, n := ps[0], t+1, uint64(1)
		switch {
		case len(p) > r.cell:
			next = w.fillLarge(t, p, kind, time)
		case len(p) > mostPart:
			mem.Copy(r.payload(t, len(p)), p)
			w.stampOne(t, len(p), kind, time)
		default:
			n = w.fillRun(t, ps, kind, time)
			next = t + n
		}
		t, ps = next, ps[n:]
	}
	w.line.bytes.StoreRelease(w.sent & mostBytes)
	w.closeClaim()
}

// stampOne describes, counts and stamps a batch's frame at t, which takes one slot and is in place.
func (w *Writer) stampOne(t uint64, n int, kind Kind, time int64) {
	r := w.ring
	d := r.slots.At(t)
	w.describe(d, n, kind, time)
	w.count(t, 1, uint64(n))
	d.stamp.StoreRelease(makeStamp(t, 1, r.mask, committed))
	if t%ahead == 0 {
		w.expectMany(t)
	}
}

// fillLarge is fill for a frame of several slots; it returns where the next one begins.
func (w *Writer) fillLarge(t uint64, p []byte, kind Kind, time int64) uint64 {
	r := w.ring
	span := r.span(len(p))
	if pad := r.mask + 1 - t&r.mask; pad < span {
		t += pad
		w.stampPad(t, pad)
	}
	mem.Copy(r.payload(t, len(p)), p)
	d := r.at(t)
	w.describe(d, len(p), kind, time)
	w.count(t, 1, uint64(len(p)))
	w.finish(d, t, span)
	w.expect(t, span)
	w.alone = t + span
	return t + span
}

// Blocked adds nanoseconds to what people see of how long this publisher has waited.
func (w *Writer) Blocked(ns int64) { w.line.blocked.StoreRelease(w.line.blocked.Load() + uint64(ns)) }

// Close aborts an open claim, passes the turn on and frees the line, unless that is another's by now. The Writer must not be used again. The
// caller rings both bells.
func (w *Writer) Close() {
	w.endRun()
	w.Abort()
	if w.line.owner.Load() != w.owner {
		return
	}
	w.PassTurn()
	w.ring.resign(w.id)
	w.line.owner.Store(0)
}
