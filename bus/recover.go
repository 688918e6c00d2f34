package bus

import (
	"errors"
	"fmt"
	"os"

	"shmbus/segment"
	"shmbus/topics"
)

// What is given back: of the dead, and of removed topics.

// recover gives back what the dead hold that the handle's goroutine is held up by: the slot at pos, or a gate (gate >= 0).
// The error says that what holds it up will never go away.
func (p *port) recover(pos uint64, gate int) error {
	if gate >= 0 {
		if p.owner != 0 && p.ring.ReapGate(gate) {
			p.bus.log.Info("a dead subscription was reaped", "topic", p.name)
			p.ringBoth()
		} else if p.data != nil {
			p.data.Ring(p.notify) // so that a member looks, if it is the pin of a dead one
		}
		return nil
	}
	if p.ring.Held(pos) {
		return nil
	}
	if err := p.ring.Sound(pos); err != nil {
		return err
	}
	if p.owner == 0 || !p.stampsWritable() {
		return nil
	}
	if p.ring.Recover(pos) {
		p.bus.log.Info("a dead publisher's claim was reaped", "topic", p.name, "position", pos)
		p.ringBoth()
	}
	return nil
}

// blame turns what the ring said into an error of this package. That a line is not the handle's any more, or that the ring makes no sense, is no wonder
// if the ring was taken away, or the lines given to others because the lease is lost: then it says so. That costs three system calls.
func (p *port) blame(op string, err error) error {
	corrupt := errors.Is(err, topics.ErrCorrupt)
	if corrupt || err == topics.ErrKicked {
		if p.state.Load() != portClosed && p.at.check() != nil {
			p.setState(portLost)
		}
		if gone := p.gone(op); gone != nil {
			return gone
		}
	}
	if corrupt {
		err = fmt.Errorf("%s: %w", p.at.seg.Path(), err)
	}
	return fail(op, p.name, err)
}

// recoverTurn gives back the turn of a dead publisher.
func (p *port) recoverTurn() {
	if p.stampsWritable() && p.ring.ReapTurn() {
		p.bus.log.Info("a dead publisher was reaped that was first to get room", "topic", p.name)
		p.ringBoth()
	}
}

// recoverClaim gives back the claim that a dead publisher had announced and not taken.
func (p *port) recoverClaim() {
	if p.stampsWritable() && p.ring.ReapWriters() > 0 {
		p.bus.log.Info("a dead publisher was reaped that was the sole one", "topic", p.name)
		p.ringBoth()
	}
}

// stampsWritable makes the stamps writable if they are not, and says whether they are.
func (p *port) stampsWritable() bool {
	if !p.writable {
		a := p.ring.Areas()
		p.writable = p.m.Protect(a.Stamps, a.Cells-a.Stamps, true) == nil
	}
	return p.writable
}

// giveBack gives the memory of a removed topic's stamps and cells back to the system if nobody uses it any more, and says whether that was so. Who
// maps a topic asks for it too when it finds that the topic was removed meanwhile: to map the memory has brought it back.
func (at *attachment) giveBack(e topics.Entry, r *topics.Ring) bool {
	if !r.Unused() {
		return false
	}
	a := r.Areas()
	_ = at.seg.Punch(e.Offset+a.Stamps, a.Size-a.Stamps) // what cannot be given back is only not given back
	return true
}

// A crowd is who is, or was, on a segment, for people.
type crowd map[segment.Owner]segment.ParticipantInfo

func participants(seg *segment.Segment) crowd {
	all := make(crowd)
	for _, p := range seg.ParticipantTable() {
		all[p.Owner()] = p
	}
	return all
}

// people is participants, and nobody if the file is cut short.
func (at *attachment) people() (all crowd) {
	_ = segment.Guard(func() error { all = participants(at.seg); return nil }) // what is looked at next tells of it
	return all
}

// describe names a participant for an error text.
func describe(seg *segment.Segment, owner uint64) string {
	switch n := participants(seg)[segment.Owner(owner)].PID; n {
	case 0:
		return "another process"
	case os.Getpid():
		return "this process"
	default:
		return fmt.Sprintf("process %d", n)
	}
}
