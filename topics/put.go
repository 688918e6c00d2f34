package topics

import "shmbus/internal/mem"

// Put publishes b as one frame: Claim, copying and Commit in one. Its errors are Claim's, and then no claim is open.
//
// Most frames need one slot and find room, and nobody in their way. For these it is one function, and what is not for them leaves it for
// good: each call costs as much as ten stores, and what is kept over one costs two.
func (w *Writer) Put(b []byte, kind Kind, time int64) error {
	r, line := w.ring, w.line
	t := r.control.tail.Load()
	if len(b) > r.cell || t >= w.room || t+r.mask+1 < w.room || t < w.next || line.owner.Load() != w.owner {
		return w.put(b, kind, time)
	}
	line.length.StoreRelease(1)
	line.claim.StoreRelease(t + 1)
	if r.geometry.Exclusive {
		r.control.tail.StoreRelease(t + 1)
	} else if !r.control.tail.CompareAndSwap(t, t+1) {
		return w.putAgain(b, kind, time)
	}
	if r.control.head.Load()&positionMask == tombstone || t != w.next {
		return w.putAfterOthers(t, b, kind, time)
	}
	w.next = t + 1
	d := r.slots.At(t)
	mem.CopyShort(r.single.At(t, len(b)), b)
	w.describe(d, len(b), kind, time)
	w.count(t, len(b))
	d.stamp.StoreRelease(makeStamp(t, 1, r.mask, committed))
	line.bytes.StoreRelease(w.sent)
	w.line.claim.Store(0)
	w.expect(t, 1)
	return nil
}

// putAgain is Put after another writer's claim came in between.
func (w *Writer) putAgain(b []byte, kind Kind, time int64) error {
	w.withdraw()
	return w.put(b, kind, time)
}

// putAfterOthers is Put with a claim at t that was taken after others, or on a topic that was removed.
func (w *Writer) putAfterOthers(t uint64, b []byte, kind Kind, time int64) error {
	others := t != w.next
	w.next, w.alone = t+1, t+1
	w.pos, w.pad, w.claimed = t, 0, 1
	if err := w.granted(t, others); err != nil {
		return err
	}
	mem.Copy(w.Payload(len(b)), b)
	w.Commit(len(b), kind, time)
	return nil
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
