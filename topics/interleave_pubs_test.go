//go:build shmbus_sched

package topics

import (
	"shmbus/internal/mem"
	"shmbus/internal/sched"
	"shmbus/wake"
)

// A pub is a publisher, as bus has it: it waits for room, and looks for the dead.
type pub struct {
	w     *world
	a     *sched.Actor
	owner uint64
	ring  *Ring
	wr    *Writer
	bell  wake.Ringer
	sent  uint64
	step  int
	gone  bool
}

func (w *world) pub(owner uint64) *pub {
	p := &pub{w: w, owner: owner, ring: w.process(owner)}
	w.pubs = append(w.pubs, p)
	return p
}

// open takes a line, waiting for one if there is none. If the topic is gone there is no Writer.
func (p *pub) open() *pub {
	wr, err := p.ring.NewWriter(p.owner)
	for err == ErrNoLine && p.a != nil { // somebody else may be about to free one
		p.a.Await(false, func() uint64 {
			for i := range p.ring.writers {
				if o := p.ring.writers[i].owner.Load(); o == 0 || p.w.x.Dead(o) {
					return 1
				}
			}
			return 0
		})
		wr, err = p.ring.NewWriter(p.owner)
	}
	if err == ErrRemoved {
		return p
	}
	if err != nil {
		p.w.x.Fail("no line for publisher %d: %v", p.owner, err)
	}
	p.wr = wr
	if p.w.bed != nil {
		p.bell = wake.NewRinger(p.w.bed.data(), p.w.bed)
	}
	for _, q := range p.w.pubs {
		if q != p && q.wr != nil && !q.gone && !p.w.x.Dead(q.owner) && q.wr.Line() == wr.Line() {
			p.w.x.Fail("publishers %d and %d are both on line %d", q.owner, p.owner, wr.Line())
		}
	}
	return p
}

// claim claims some words, and waits for room. False: the topic is gone.
func (p *pub) claim(words int) bool { return p.claimAfter(p.wr.Claim(8*words), words) }

// claimAfter is claim when the first attempt has ended with err.
func (p *pub) claimAfter(err error, words int) bool {
	for held(err) {
		p.mark(p.step<<8 | len(err.Error()))
		if err != ErrHeldByTurn && err != ErrHeldByClaim && p.w.s.turns {
			p.wr.TakeTurn()
		}
		if p.wait(err) == 0 {
			if err == ErrHeldByTurn {
				p.wr.Impatient()
			}
			if p.recover(err) {
				p.w.ringBoth()
			}
		}
		err = p.wr.Claim(8 * words)
	}
	if p.w.s.turns && p.wr.PassTurn() {
		p.w.ringRoom()
	}
	if err != nil && err != ErrRemoved {
		p.w.x.Fail("a claim: %v", err)
	}
	p.mark(p.step<<8 | 1)
	return err == nil
}

// wait waits until the claim is worth trying again, or in vain: 0.
func (p *pub) wait(err error) uint64 {
	switch {
	case p.w.bed == nil:
		return p.a.Await(p.w.deaths, func() uint64 { return bit(p.wr.Ready()) })
	case err == ErrHeldBySlot:
		return p.w.bed.wait(p.w.bed.data(), p.wr.Ready)
	}
	return p.w.bed.wait(p.w.bed.room(), p.wr.Ready)
}

// send publishes a frame of some words. False: the topic is gone. Every other publisher does it in one step if it can.
func (p *pub) send(words int) bool {
	b := payload(p.wr.ID(), p.sent+1, words)
	if p.owner%2 == 0 {
		err := put(p.wr, b, p.time())
		if err == nil {
			p.sent++
			p.next()
			return true
		}
		if !p.claimAfter(err, words) {
			return false
		}
	} else if !p.claim(words) {
		return false
	}
	mem.Copy(p.wr.Payload(8*words), b)
	time := p.time()
	p.sent++
	p.wr.Commit(8*words, KindRaw, time)
	p.next()
	return true
}

// time is that of the next frame of its own.
func (p *pub) time() int64 {
	if p.w.s.g.NoTime {
		return 0
	}
	return int64(p.sent + 1)
}

// next is what follows a commit or an abort.
func (p *pub) next() {
	if p.w.bed != nil && !p.bell.Silent() {
		p.bell.Ring()
	}
	p.step++
	p.mark(p.step << 8)
}

// abort claims and gives up. False: the topic is gone.
func (p *pub) abort(words int) bool {
	if !p.claim(words) {
		return false
	}
	p.wr.Abort()
	p.next()
	return true
}

// batch publishes frames of as many words in as few claims as may be.
func (p *pub) batch(words ...int) {
	for first := p.sent; len(words) > 0; {
		var ps [][]byte
		for i, n := range words {
			ps = append(ps, payload(p.wr.ID(), first+1+uint64(i), n))
		}
		n, err := p.wr.Batch(ps, KindRaw, timeOfBatch)
		p.sent, first, words = p.sent+uint64(n), first+uint64(n), words[n:]
		if held(err) {
			p.wait(err)
			continue
		}
		if err != nil {
			p.w.x.Fail("a batch: %v", err)
		}
		p.next()
	}
}

// timeOfBatch says that a frame's time is not its sequence.
const timeOfBatch = 1 << 40

func (p *pub) recover(err error) bool {
	switch err {
	case ErrHeldBySlot:
		return !p.ring.Held(p.wr.HeldAt()) && p.ring.Recover(p.wr.HeldAt())
	case ErrHeldByGate:
		return p.ring.ReapGate(p.wr.HeldGate())
	case ErrHeldByClaim:
		return p.ring.ReapWriters() > 0
	}
	return p.ring.ReapTurn()
}

// close gives the line back.
func (p *pub) close() {
	p.gone = true // before it is: a line is another's as soon as its owner is 0
	p.wr.Close()
	p.w.ringBoth()
	p.a.Mark(mix(0xc, p.sent))
}

// mark says that the publisher is at this step of what it does, and nothing of its local state matters but the Writer's. (Of that, others is left out: no scenario
// has so many slots that it comes to matter.)
func (p *pub) mark(step int) {
	w := p.wr
	h := mix(uint64(step), w.index<<32|w.id)
	for _, v := range [...]uint64{
		w.number, w.base, w.room, w.next, w.alone, w.pos, w.pad, w.claimed, w.sent, p.sent, bit(w.impatient), w.heldValue, w.heldHead, w.heldAt,
		uint64(w.heldGate), wordID(w.held), wordID(w.heldToo), w.heldFrom, w.key, w.grants, w.crossed, w.patience, p.bell.State(), w.run.end, w.run.stamp, w.run.number, uint64(w.run.length), w.taken,
	} {
		h = mix(h, v)
	}
	p.a.Mark(h)
}

// wordID tells words apart.
func wordID(w *mem.Word) uint64 {
	if w == nil {
		return 0
	}
	return uint64(mem.Address(w))
}
