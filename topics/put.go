package topics

import "shmbus/internal/mem"

// Put publishes b as one frame: Claim, copying and Commit in one. Its errors are Claim's, and then no claim is open.
//
// Most frames need one slot and find room, and nobody in their way. For these it is one function, because each that is called costs as
// much as some ten stores.
func (w *Writer) Put(b []byte, kind Kind, time int64) error {
	r := w.ring
	t := r.control.tail.Load()
	if len(b) > r.cell || t >= w.room || t+r.mask+1 < w.room || t < w.next || w.line.owner.Load() != w.owner {
		return w.put(b, kind, time)
	}
	w.ask(t, t+ahead)
	others := t != w.next
	w.announce(t, 1)
	if !w.advance(t, 1) {
		w.withdraw()
		return w.put(b, kind, time)
	}
	w.pos, w.pad, w.claimed = t, 0, 1
	if r.control.head.Load()&positionMask == tombstone || others {
		if err := w.granted(t, others); err != nil {
			return err
		}
	}
	mem.Copy(r.payload(t, len(b)), b)
	d := r.at(t)
	w.describe(d, len(b), kind, time)
	w.count(t, len(b))
	d.stamp.StoreRelease(makeStamp(t, 1, r.mask, committed))
	w.line.bytes.StoreRelease(w.sent)
	w.closeClaim()
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
