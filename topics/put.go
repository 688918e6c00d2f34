package topics

import "shmbus/internal/mem"

// Put publishes b as one frame: Claim, copying and Commit in one. Its errors are Claim's, and then no claim is open.
//
// Most frames need one slot and find room, and nobody has claimed since this writer did. For these it is one function, and what is not for them
// leaves it for good: each call costs as much as ten stores, and what is kept over one costs two.
func (w *Writer) Put(b []byte, kind Kind, time int64) error {
	r, line, t := w.ring, w.line, w.next
	if len(b) > r.cell || t >= w.room || r.control.tail.Load() != t || line.owner.Load() != w.owner {
		return w.put(b, kind, time)
	}
	w.announce(t, 1)
	if !w.advance(t, 1) {
		return w.putAgain(b, kind, time)
	}
	if r.control.head.Load()&positionMask == tombstone {
		w.withdraw()
		return ErrRemoved
	}
	d := r.slots.At(t)
	mem.CopyShort(r.single.At(t, len(b)), b)
	w.describe(d, len(b), kind, time)
	w.count(t, len(b))
	d.stamp.StoreRelease(makeStamp(t, 1, r.mask, committed))
	line.bytes.StoreRelease(w.sent)
	w.line.claim.Store(0)
	mem.AskToStore(r.slots.At(t+ahead), r.single.First(t+ahead)) // expect, which is not inlined
	return nil
}

// putAgain is Put after another writer's claim came in between.
func (w *Writer) putAgain(b []byte, kind Kind, time int64) error {
	w.withdraw()
	return w.put(b, kind, time)
}

// put is Put for all frames.
func (w *Writer) put(b []byte, kind Kind, time int64) error {
	if err := w.Claim(len(b)); err != nil {
		return err
	}
	mem.Copy(w.Payload(len(b)), b)
	w.Commit(len(b), kind, time)
	return nil
}
