package topics

import (
	"shmbus/internal/fence"
	"shmbus/internal/mem"
)

// A sole publisher stores the tail, where others CAS it: a locked instruction is a quarter of the time of a frame. On an exclusive topic the
// publisher always is that. On any other it has published for long without finding claims of others, and asked; who comes then takes it away first.
//
// A claim is announced before the word is loaded that says who may store the tail. Who asks or contests changes that word, has fence.All make all
// CPUs pass a barrier, and then looks who has announced a claim: so it finds the claim, or the claim finds the changed word. docs/PROTOCOL.md,
// "A sole publisher", has the argument.

// A key is the publisher's id, how often it has asked, and bit 0. No key comes twice: who is late to end one ends that one and no later one.
const (
	contested = 1                // bit 0: it is being taken away
	grantBits = 32               // of a publisher that asks once a slice of the CPU, all the time, they last for four months: then it asks no more
	noGrant   = 1<<grantBits - 1 // of a key that is never stored: its publisher is not the sole one
)

func makeKey(publisher, grant uint64) uint64 { return publisher<<(grantBits+1) | grant<<1 }

// holder is the id of the publisher with that key.
func holder(key uint64) uint64 { return key >> (grantBits + 1) }

// Who contests pays for it, some 10 µs. So one whose asking was in vain asks later and later: next to a stream there may be somebody who publishes a frame now and then.
// But one that was contested by a stream need not: two that share a CPU run by turns, each alone for its slice, and what that costs is little next to what both gain.
const (
	mostPatience = 1 << 30       // a writer's patience, firstPatience in the beginning, grows fourfold each time that it was in vain
	streamOthers = firstPatience // slots of others since one's last claim that are a stream's
	manyOthers   = 1 << 20       // slots that others have claimed since its patience grew: it is as in the beginning
)

// begin is for a writer that has just taken its line.
func (w *Writer) begin() {
	w.key, w.patience, w.reached = makeKey(w.id, noGrant), firstPatience, fence.Reaches()
	key := makeKey(w.id, 0)
	if holder(key) != w.id { // 2^31 others were here before: it does without
		key, w.grants = 0, noGrant-1
	}
	if w.ring.geometry.Exclusive { // nobody else has a line, so nobody else has a claim
		w.control.sole.Store(key)
		if key != 0 {
			w.key = key
		}
	}
}

// resign is for a publisher that can store no more, before its line is given back: who comes then need not contest. If that has been begun, who
// does it ends it.
func (r *Ring) resign(publisher uint64) {
	if s := r.control.sole.Load(); holder(s) == publisher && s&contested == 0 {
		r.control.sole.CompareAndSwap(s, 0)
	}
}

// soleNow is the key of the sole publisher, or 0, for who has announced a claim.
func (w *Writer) soleNow() uint64 {
	if !w.reached {
		w.fence.StoreLoad()
	}
	return w.control.sole.Load()
}

// advance moves the tail from t over k slots for an announced claim, unless somebody else has moved it, or is the sole publisher.
func (w *Writer) advance(t, k uint64) bool {
	c, s := w.control, w.soleNow()
	if s == w.key {
		c.tail.StoreRelease(t + k)
		return true
	}
	return s == 0 && c.tail.CompareAndSwap(t, t+k)
}

// settle is called before the tail is loaded for a claim, but not before each: a claim finds out by itself if it is not this writer's to take. If
// another publisher is the sole one, that ends; if there is none, and this one has been alone for long, it is from now on.
// ErrHeldByClaim: the sole publisher may be just about to store the tail.
func (w *Writer) settle() error {
	c := w.control
	s := c.sole.Load()
	w.reached = w.reached || fence.Reaches()
	if s == w.key {
		return nil
	}
	w.endRun()
	w.lose(c.tail.Load() - w.next)
	if s == 0 {
		w.ask()
		return nil
	}
	tail := c.tail.Load() // before it is found too low
	word, value := w.ring.contest()
	if word == nil {
		return nil
	}
	w.wait(word, value, c.head.Load())
	w.heldToo, w.heldFrom = &c.tail, tail
	return ErrHeldByClaim
}

// ask makes the writer the sole one if it has been alone for long. What it knows of the tail is old then: somebody may have claimed just before.
func (w *Writer) ask() {
	if w.number-w.crossed < w.patience || w.grants == noGrant-1 || !w.reached {
		return
	}
	c := w.control
	w.grants++
	key := makeKey(w.id, w.grants)
	if !c.sole.CompareAndSwap(0, key) {
		return
	}
	fence.All()
	if w.ring.claimedBeside(w.index) || c.head.Load()&positionMask == tombstone {
		c.sole.CompareAndSwap(key, 0) // or somebody contests it, and clears it
		w.askLater(0)
		return
	}
	w.key = key
}

// askLater is for a writer that is not the sole one any more, or not now: others have claimed so many slots since its own last claim.
func (w *Writer) askLater(others uint64) {
	if w.crossed = w.number; others < streamOthers {
		w.patience, w.others = min(4*w.patience, mostPatience), 0
	}
}

// lose is for a writer that is not the sole one, and may have been until now: others have claimed so many slots since its own last claim.
func (w *Writer) lose(others uint64) {
	if none := makeKey(w.id, noGrant); w.key != none {
		w.key = none
		w.askLater(others)
	}
}

// meet is for a writer that finds so many slots claimed by others since its own last claim.
func (w *Writer) meet(others uint64) {
	w.crossed = w.number
	if w.control.sole.Load() != w.key {
		w.lose(others)
	}
	if w.others += others; w.others >= manyOthers {
		w.patience, w.others = firstPatience, 0
	}
}

// claimedBeside says whether a publisher on another line has announced a claim that it may still take.
func (r *Ring) claimedBeside(index uint64) bool {
	for i := range r.writers {
		if uint64(i) != index && r.untaken(r.writers[i].claim.Load()) {
			return true
		}
	}
	return false
}

// untaken says whether what a line's word claim announces, from claim - 1 on, may still be taken. If the tail is above its start it is taken, or cannot be any more; also
// if its frame is there, and the tail has gone back.
func (r *Ring) untaken(claim uint64) bool {
	return claim != 0 && r.control.tail.Load() < claim && !r.inFrame(claim-1)
}

// holdsTail says whether others wait for the open claim of w, which a sole publisher has announced and not taken.
func (r *Ring) holdsTail(w WriterInfo, tail uint64) bool {
	s := r.control.sole.Load()
	return s&contested != 0 && holder(s) == w.Publisher && w.Position == tail
}

// contest sees to it that there is no sole publisher. If that has to wait it says for which word to change from which value.
//
// One that has loaded its key before the barrier has announced its claim before, and may store the tail as long as it has not. One that loads it
// after the barrier finds it contested. A publisher that died there is reaped, and then its claim is closed.
func (r *Ring) contest() (word *mem.Word, value uint64) {
	c := r.control
	for range 4 { // mostly it is one round; if it comes back again and again somebody stores what he should not
		value = c.sole.Load()
		if value == 0 {
			return nil, 0
		}
		if value&contested == 0 && !c.sole.CompareAndSwap(value, value|contested) {
			continue
		}
		fence.All()
		for i := range r.writers {
			l := &r.writers[i]
			if l.publisher.Load() != holder(value) {
				continue
			}
			if claim := l.claim.Load(); r.untaken(claim) {
				return &l.claim, claim
			}
		}
		c.sole.CompareAndSwap(value|contested, 0)
	}
	return &c.sole, value
}
