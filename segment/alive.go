package segment

import (
	"strconv"
	"time"
)

// Alive tells whether a participant lives. Own participants live without asking; about others the kernel is asked, which costs one
// system call, and two when the answer is no. known is false if it could not be asked: the segment is open ReadOnly or closed, or
// the descriptor is gone. Then alive is true: who is not known to be dead must be left alone.
//
// The answer dead is final. The answer alive may be late by as long as it takes a slot's next holder to write its generation: see
// joinOrder.
func (s *Segment) Alive(o Owner) (alive, known bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return true, false
	}
	return s.alive(o)
}

func (s *Segment) alive(o Owner) (alive, known bool) {
	i := o.Slot()
	if o.Generation() == 0 || i >= len(s.slots) {
		return false, true
	}
	g := s.slots[i].generation.Load()
	if g != o.Generation() && stored(g) {
		return false, true // the slot was taken again, or o is nobody's
	}
	if p := s.ours(i); p != nil && (p.owner == o || g != o.Generation()) { // or p has lost its lease, and o has the slot now
		return p.owner == o, true
	}
	alive, known = s.held(i)
	return alive, known && (g == o.Generation() || !alive) // whoever holds a slot whose generation is gone, it may be o
}

// stored says whether a generation is one that participants store. Any other one was overwritten, and proves nothing.
func stored(generation uint64) bool { return generation != 0 && generation <= maxGeneration }

// ours is who holds a slot if it is one of this Segment.
func (s *Segment) ours(i int) *Participant {
	s.ownMu.Lock()
	defer s.ownMu.Unlock()
	return s.own[i]
}

// held says whether somebody holds a slot, whoever it is.
func (s *Segment) held(i int) (held, known bool) {
	if s.ask == nil {
		return true, false
	}
	return s.ask.heldBy(i)
}

// heldBy asks the kernel whether somebody holds the lock of a slot in a lease file.
func (f *file) heldBy(slot int) (alive, known bool) {
	held, err := f.locked(int64(slot))
	if err != nil || !held && !f.same() { // or it was asked about some other file
		return true, false
	}
	return held, true
}

// Shows is Alive for those who show who is there, and take nothing from the dead: it knows in a segment that is open ReadOnly, too, if the
// lease file may be read.
func (s *Segment) Shows(o Owner) (alive, known bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return true, false
	}
	alive, known = s.alive(o)
	if known || s.access == ReadWrite {
		return alive, known
	}
	s.ownMu.Lock()
	defer s.ownMu.Unlock()
	if s.witness == nil {
		s.witness = s.openWitness()
	}
	if s.witness == nil {
		return true, false
	}
	return s.witness.heldBy(o.Slot())
}

// openWitness opens the lease file, if it is this segment's and may be read. It is not opened for writing: who closes it then makes all
// others look who has died.
func (s *Segment) openWitness() *file {
	f, err := openFile(s.path(extLease), false)
	if err != nil {
		return nil
	}
	if s.readLease(f) != nil {
		_ = f.close()
		return nil
	}
	return f
}

// ParticipantInfo is one slot of the participant table as people see it.
type ParticipantInfo struct {
	Slot       int
	Generation uint64
	// PID is the process id as the process itself knows it: in another container it may mean somebody else. 0 if it is just
	// joining.
	PID int
	// Start is when the process was started, in clock ticks after the machine was: with PID it names a process for good.
	Start uint64
	// Opened is when the slot was taken.
	Opened time.Time
	// Alive and Known are as Alive returns them.
	Alive, Known bool
	// Overwritten: the generation is none that a participant stores. Alive then says whether anybody holds the slot.
	Overwritten bool
}

// Stopped says whether the process is stopped, by SIGSTOP, a terminal or a debugger. Of a process in another PID namespace nothing is known:
// its pid is somebody else's here, which the start tells.
func (p ParticipantInfo) Stopped() bool {
	state, start := processStat(strconv.Itoa(p.PID))
	return p.PID > 0 && start == p.Start && (state == 'T' || state == 't')
}

// Here says whether the process is to be seen from here, under its pid.
func (p ParticipantInfo) Here() bool {
	_, start := processStat(strconv.Itoa(p.PID))
	return p.PID > 0 && start != 0 && start == p.Start
}

// Owner is what the participant's possessions are marked with.
func (p ParticipantInfo) Owner() Owner { return newOwner(p.Slot, p.Generation) }

// ParticipantTable is the slots that are held, and those whose holders ended without leaving. nil if the segment is closed.
func (s *Segment) ParticipantTable() []ParticipantInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil
	}
	var infos []ParticipantInfo
	for i := range s.slots {
		e := &s.slots[i]
		generation := e.generation.Load()
		if generation == 0 && e.pid.Load() == 0 {
			continue
		}
		info := ParticipantInfo{Slot: i, Generation: generation, Overwritten: !stored(generation)}
		start, opened := e.start.Load(), e.opened.Load()
		if pid := e.pid.Load(); pid > 0 && pid < 1<<31 && e.generation.Load() == generation {
			info.PID, info.Start, info.Opened = int(pid), start, time.Unix(0, int64(opened))
		}
		if info.Overwritten {
			info.Alive, info.Known = s.held(i)
		} else {
			info.Alive, info.Known = s.alive(info.Owner())
		}
		if info.PID == 0 && !(info.Alive && info.Known) {
			continue // left
		}
		infos = append(infos, info)
	}
	return infos
}
