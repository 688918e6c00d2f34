package topics

import "shmbus/internal/mem"

// How long a line takes from the publisher's core to the reader's depends on where both are: 40 to 60 ns between cores that share a cache, and 150 to 300 between others, on one machine. The
// kernel does not say which it is within a virtual machine, and it changes when a process is moved. So a reader times a load of what has just been written, now and then.
const (
	// Ticks of the CPU's clock. A load that takes less found the line in a cache of the reader's own, and tells nothing; from the second on the line came from far away. What
	// takes longer than the third was interrupted.
	nearTicks = 90
	farTicks  = 250
	mostTicks = 2500

	lookEvery = 2000 // lines: to look takes as long as the load, and nothing else goes on meanwhile

	// So many looks of a round make it far. Others of it may find lines from far away on their way already, which seem near; and near ones are slow now and then.
	// To take near ones for far costs less than the other way round.
	round    = 32
	leastFar = 3
	mostOwn  = 256 // looks that tell nothing end a round as well: who reads what it has written is moved from one core to another now and then
)

// distance tells far publishers from near ones.
type distance struct {
	lines      int // since the last look
	looks, far int // of this round: those that told something, and of them those that said far
	own        int // those that told nothing
	is         bool
}

// see is for frames that have just come and have not been read, at least one: the last of them has several lines.
func (d *distance) see(fs []*Frame) {
	b := fs[len(fs)-1].Payload
	if d.lines += len(fs) * len(b) / lineSize; d.lines >= lookEvery {
		d.lines = 0
		d.look(mem.LoadTicks(&b[len(b)/2])) // the one that is least likely to be on its way
	}
}

func (d *distance) look(ticks uint64) {
	switch {
	case ticks < nearTicks || ticks > mostTicks:
		d.own++
	case ticks >= farTicks:
		d.far++
		fallthrough
	default:
		d.looks++
	}
	if d.far == leastFar || d.looks == round || d.own == mostOwn {
		d.is, d.looks, d.far, d.own = d.far == leastFar, 0, 0, 0
	}
}
