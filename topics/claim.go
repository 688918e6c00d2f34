package topics

import (
	"cmp"
	"slices"
)

// Claim claims room for a frame of n bytes, in order after all frames claimed so far. On success the claim is open: fill
// Payload, then Commit or Abort. Otherwise no claim is open and the error is ErrTooLarge, ErrRemoved, ErrCorrupt, or one of
// ErrHeldBySlot, ErrHeldByGate, ErrHeldByTurn, ErrHeldByClaim: try again when Ready.
//
// As Publish is, it and Commit are one function each for frames of one slot that find room and nobody in their way.
func (w *Writer) Claim(n int) error {
	r, line := w.ring, w.line
	t, owner := w.control.tail.Load(), line.owner.Load()
	if uint(n) > uint(r.cell) || t >= w.room || t+r.mask+1 < w.room || t < w.next || owner != w.owner || t >= w.taken || w.run.length >= 0 {
		return w.claim(n)
	}
	others := t - w.next
	line.announce(t, 1)
	if !w.advance(t, 1) {
		return w.claimAgain(n, t)
	}
	w.next, w.pos, w.pad, w.claimed = t+1, t, 0, 1
	if others != 0 {
		w.alone = w.next
	}
	if others != 0 || w.control.head.Load()&positionMask == tombstone {
		return w.granted(t, others)
	}
	return nil
}

// claimAgain is Claim after another writer's claim at t came in between.
func (w *Writer) claimAgain(n int, t uint64) error {
	w.closeClaim()
	w.stepAside(t - w.next)
	return w.claim(n)
}

const (
	stretch = 64 // frames that a writer publishes from one time that it steps aside to the next
	nearby  = 16 // slots: if others have claimed no more since its last claim, they publish as fast as it does
)

// stepAside is for a writer whose claim was crossed by another's; others is how many slots were claimed since its last. Where two publish at full
// speed each frame costs both of them a transfer of the tail's line and, as they take turns slot by slot, of the frame's two. So one lets
// the other go on alone for a while, and then publishes its own frames in one go while the other one is away.
func (w *Writer) stepAside(others uint64) {
	if w.Aside != nil && others <= nearby && w.number >= w.aside {
		w.aside = w.number + stretch
		w.Aside()
		if w.time != 0 { // that may have taken long
			w.time = w.now()
		}
	}
}

// claim is Claim for all frames.
func (w *Writer) claim(n int) error {
	w.endRun()
	r := w.ring
	span := r.span(n)
	if uint64(n) > r.largest {
		return ErrTooLarge
	}
	if w.line.owner.Load() != w.owner {
		return w.ousted()
	}
	for {
		if err := w.settle(); err != nil {
			return err
		}
		t := w.control.tail.Load()
		k := span
		pad := r.mask + 1 - t&r.mask
		if pad < span {
			k += pad
		} else {
			pad = 0
		}
		if t+k > w.room || t+r.mask+1 < w.room || t < w.next {
			if err := w.makeRoom(t, k); err != nil {
				return err
			}
		}
		others := t - w.next // slots that others have claimed since
		if w.take(t, k) {
			w.pos, w.pad, w.claimed = t+pad, pad, span
			if others != 0 || k > 1 {
				w.alone = w.next
			}
			return w.granted(t, others)
		}
	}
}

// An openClaim is what a line announces, of a living publisher or not.
type openClaim struct{ start, end uint64 }

// openClaims are those that were open at one time, the one that ends first first. Whoever has taken a slot below a tail that was loaded before them is among
// them, if its stamp is not there yet.
type openClaims []openClaim

func (r *Ring) openClaims() openClaims {
	var all openClaims
	for i := range r.writers {
		if start, end, open := r.writers[i].open(); open {
			all = append(all, openClaim{start, end})
		}
	}
	slices.SortFunc(all, func(a, b openClaim) int { return cmp.Compare(a.end, b.end) })
	return all
}

// at is the lowest end of the claims that cover pos: at most one of them was taken, the others are announcements that came too late and may be longer. Who
// goes from there to the end, and asks again only further on, looks at each claim once.
func (c *openClaims) at(pos uint64) (end uint64, held bool) {
	for len(*c) > 0 && (*c)[0].end <= pos {
		*c = (*c)[1:]
	}
	for _, o := range *c {
		if o.start <= pos {
			return o.end, true
		}
	}
	return 0, false
}
