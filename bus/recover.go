package bus

import (
	"fmt"
	"os"

	"shmbus/segment"
	"shmbus/topics"
)

// What is given back: of the dead, and of removed topics.

// recover gives back what the dead hold that the handle's goroutine is held up by: the slot at pos, or a gate (gate >= 0).
func (p *port) recover(pos uint64, gate int) {
	if p.owner == 0 {
		return
	}
	if gate >= 0 {
		if p.ring.ReapGate(gate) {
			p.bus.log.Info("a dead subscription was reaped", "topic", p.name)
			p.ringBoth()
		}
		return
	}
	if p.ring.Held(pos) {
		return
	}
	if !p.stampsWritable() {
		return
	}
	if p.ring.Recover(pos) {
		p.bus.log.Info("a dead publisher's claim was reaped", "topic", p.name, "position", pos)
		p.ringBoth()
	}
}

// recoverTurn gives back the turn of a dead publisher.
func (p *port) recoverTurn() {
	if p.stampsWritable() && p.ring.ReapTurn() {
		p.bus.log.Info("a dead publisher was reaped that was first to get room", "topic", p.name)
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

// giveBack punches the memory of a removed topic out of the file if nobody uses it any more.
func (p *port) giveBack() {
	if _, removed := p.ring.Head(); removed && p.owner != 0 && p.ring.Unused() {
		punch(p.at.seg, p.entry, p.ring.Areas())
	}
}

// punch gives the memory of a removed topic's stamps and cells back to the system.
func punch(seg *segment.Segment, e topics.Entry, a topics.Areas) {
	_ = seg.Punch(e.Offset+a.Stamps, a.Size-a.Stamps) // what cannot be given back is only not given back
}

// pid is the process id of an owner, for people; 0 if it is not known.
func pid(seg *segment.Segment, owner uint64) int {
	o := segment.Owner(owner)
	for _, p := range seg.ParticipantTable() {
		if p.Slot == o.Slot() && p.Generation == o.Generation() {
			return p.PID
		}
	}
	return 0
}

// describe names a participant for an error text.
func describe(seg *segment.Segment, owner uint64) string {
	switch n := pid(seg, owner); n {
	case 0:
		return "another process"
	case os.Getpid():
		return "this process"
	default:
		return fmt.Sprintf("process %d", n)
	}
}
