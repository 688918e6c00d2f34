package topics

import "shmbus/internal/mem"

// Put publishes b as one frame: Claim, copying and Commit in one. Its errors are Claim's, and then no claim is open.
//
// Most frames need one slot and find room, and nobody has claimed since this writer did. For these it is one function, and what is not for them
// leaves it for good: each call costs as much as ten stores, and what is kept over one costs two.
func (w *Writer) Put(b []byte, kind Kind, time int64) error {
	r, line, t := w.ring, w.line, w.next
	tail, owner := r.control.tail.Load(), line.owner.Load()
	if len(b) > w.short || t >= w.room || tail != t || owner != w.owner {
		return w.put(b, kind, time)
	}
	line.announce(t, 1)
	if !w.advance(t, 1) {
		return w.putAgain(b, kind, time)
	}
	w.next = t + 1
	if r.control.head.Load()&positionMask == tombstone {
		w.closeClaim()
		return ErrRemoved
	}
	d := r.slots.At(t)
	mem.CopyShort(r.single.First(t), b)
	w.describe(d, len(b), kind, time)
	w.count(t, len(b))
	d.stamp.StoreRelease(makeStamp(t, 1, r.mask, committed))
	line.bytes.StoreRelease(w.sent)
	w.line.claim.StoreRelease(0)
	if t%ahead == 0 { // it is a call: for several frames at once
		mem.AskToStoreMany(&r.slots, &r.single, t+2*ahead, int(min(ahead, r.mask+1)))
	}
	return nil
}

// putAgain is Put after another writer's claim came in between.
func (w *Writer) putAgain(b []byte, kind Kind, time int64) error {
	w.closeClaim()
	w.stepAside(0)
	return w.put(b, kind, time)
}

// put is Put for all frames.
func (w *Writer) put(b []byte, kind Kind, time int64) error {
	if err := w.Claim(len(b)); err != nil {
		return err
	}
	w.Fill(b, kind, time)
	return nil
}

// Fill copies b into the claimed frame, which must have room for it, and commits that.
func (w *Writer) Fill(b []byte, kind Kind, time int64) {
	p, n := w.Payload(len(b)), 0
	if w.Large(len(b)) {
		n = max(0, len(b)-lastPart)
		mem.Copy(p[:n], b[:n])
		w.soon()
	}
	mem.Copy(p[n:], b[n:])
	w.Commit(len(b), kind, time)
}

// lastPart is how many bytes of a large frame are still to be copied when it is announced: some 20 µs, as long as it takes to wake somebody.
const lastPart = 256 << 10

// Large says whether a frame of n bytes is announced: see Soon.
func (w *Writer) Large(n int) bool { return n >= w.large }

// Soon has f called while a frame of so many bytes or more is copied into its claim, shortly before it is committed.
func (w *Writer) Soon(bytes int, f func()) {
	w.large, w.soon, w.short = bytes, f, min(w.short, bytes-1)
}
