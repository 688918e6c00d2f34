package segment

import (
	"errors"
	"fmt"
	"os"
	"time"

	"shmbus/internal/mem"
)

// An Owner names a participant in a shared word: its slot, and the generation the slot had when it was taken. 0 is nobody.
// An owner whose slot has another generation is dead, and so is one whose slot nobody holds.
type Owner uint64

func newOwner(slot int, generation uint64) Owner {
	return Owner(generation<<ownerSlotBits | uint64(slot))
}

// Slot is the slot, 0 to 65535.
func (o Owner) Slot() int { return int(o & (1<<ownerSlotBits - 1)) }

// Generation is the slot's generation, at least 1 unless o is nobody.
func (o Owner) Generation() uint64 { return uint64(o) >> ownerSlotBits }

// String is "nobody", or slot and generation: "3.17".
func (o Owner) String() string {
	if o == 0 {
		return "nobody"
	}
	return fmt.Sprintf("%d.%d", o.Slot(), o.Generation())
}

// sharedParticipant is one entry of the participant table. All words are written by whoever holds the lease of the slot, and by
// nobody else.
//
// generation is stored once by each holder, after taking the lease and before its Owner is stored anywhere. It is loaded by Alive.
// It pairs with the lease: an Owner of another generation belongs to a holder whose lease was gone before. Where it was overwritten with what no holder
// stores, it proves nothing: its holder stores it once more when it checks its lease, and the next holder the time, in milliseconds, which is above all
// generations that were counted up.
//
// pid, start and opened are for people. pid is stored last and cleared first: while it is 0 the others mean nothing. Who leaves clears start, too: where both
// are 0 nobody has crashed, and Join goes by that when it chooses a slot.
type sharedParticipant struct {
	generation mem.Word
	pid        mem.Word
	start      mem.Word // clock ticks since the machine was started
	opened     mem.Word // unix time in nanoseconds
	_          [4]mem.Plain
}

// A Participant is a slot held by this process. Its methods may be called concurrently.
type Participant struct {
	s     *Segment
	owner Owner
	left  bool // guarded by s.ownMu
}

// Join takes a free slot. Everything the participant holds in shared memory is marked with its Owner. A Segment may join
// more than once. ErrParticipants: no slot is free.
func (s *Segment) Join() (*Participant, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.writable("join"); err != nil {
		return nil, err
	}
	s.ownMu.Lock()
	defer s.ownMu.Unlock()
	var slots []int
	var left int
	if err := Guard(func() error { slots, left = s.joinOrder(); return nil }); err != nil {
		return nil, err
	}
	for n := 0; n < len(slots); n++ {
		i := slots[n]
		if s.own[i] != nil { // the kernel would say that our own lock is free
			continue
		}
		if err := s.lease.lock(int64(i)); errors.Is(err, errHeld) {
			continue
		} else if err != nil {
			return nil, err
		}
		if n < left { // somebody may have taken it since, and crashed there
			crashed := false
			if err := Guard(func() error { crashed = !s.wasLeft(i); return nil }); err != nil || crashed {
				if err = errors.Join(err, s.lease.unlock(int64(i), 1)); err != nil {
					return nil, err
				}
				slots = append(slots, i)
				continue
			}
		}
		point("slot locked")
		p := &Participant{s: s}
		if err := Guard(func() error { p.owner = s.enter(i); return nil }); err != nil {
			return nil, errors.Join(err, s.lease.unlock(int64(i), 1))
		}
		s.own[i] = p
		return p, nil
	}
	return nil, fmt.Errorf("segment %s: all %d slots are held by living processes (as many as it was made with, at most %d): %w", s.Path(), len(s.slots), maxParticipants, ErrParticipants)
}

// joinOrder is all slots, in the order in which Join tries them: first those that were left or never taken, of whose owners nothing is marked, and how many
// these are; then those of the crashed, and what is held. Between the lock and the generation a slot's last owner looks alive. If whoever joins is stopped there, the one before
// must have nothing that others wait for.
func (s *Segment) joinOrder() (slots []int, left int) {
	var crashed []int
	for i := range s.slots {
		if s.wasLeft(i) {
			slots = append(slots, i)
		} else {
			crashed = append(crashed, i)
		}
	}
	return append(slots, crashed...), len(slots)
}

// wasLeft says that who had the slot last has left it, or that nobody ever had it.
func (s *Segment) wasLeft(i int) bool {
	e := &s.slots[i]
	return e.pid.Load() == 0 && e.start.Load() == 0
}

// enter fills the entry of a slot whose lease was just taken.
func (s *Segment) enter(i int) Owner {
	e := &s.slots[i]
	e.pid.Store(0)
	before := e.generation.Load()
	if !stored(before) && (before != 0 || e.opened.Load() != 0) { // it was overwritten, and must not come to be one that was there before
		before = uint64(time.Now().UnixMilli())
	}
	generation := before + 1
	if generation > maxGeneration {
		generation = 1
	}
	e.generation.Store(generation)
	point("generation bumped")
	e.start.Store(processStart())
	e.opened.Store(uint64(time.Now().UnixNano()))
	e.pid.Store(uint64(os.Getpid()))
	return newOwner(i, generation)
}

// Owner is what the participant's possessions are marked with.
func (p *Participant) Owner() Owner { return p.owner }

// Slot is the participant's slot.
func (p *Participant) Slot() int { return p.owner.Slot() }

// Check makes sure that the lease is still held. If it is not, because something in this process closed its descriptors, the
// error is an ErrLeaseLost: others take this participant for dead, and it must stop writing. A generation that was overwritten with none is stored again.
// It costs three system calls.
func (p *Participant) Check() error {
	s := p.s
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.ownMu.Lock()
	left := p.left
	s.ownMu.Unlock()
	if s.closed || left {
		return s.errClosed()
	}
	if !s.lease.same() || !s.ask.same() {
		return s.errLeaseLost()
	}
	if held, err := s.ask.locked(int64(p.Slot())); err != nil {
		return err
	} else if !held {
		return fault(ErrLeaseLost, s.lease.path, "lease", "of %v is not held", p.owner)
	}
	var g uint64
	if err := Guard(func() error { g = p.keepGeneration(); return nil }); err != nil {
		return err
	}
	if g != p.owner.Generation() {
		return fault(ErrLeaseLost, s.Path(), "participant", "generation of %v is now %d: it was overwritten, or another has the slot", p.owner, g)
	}
	return nil
}

// keepGeneration is the generation of the participant's slot, whose lock is held. While it is none that anybody stores, nobody can tell that the
// participant is the one that holds the slot, nor that others before it are dead. Nobody but who holds the slot writes it: so it stores it again.
func (p *Participant) keepGeneration() uint64 {
	word := &p.s.slots[p.Slot()].generation
	if g := word.Load(); !stored(g) {
		word.CompareAndSwap(g, p.owner.Generation()) // or another goroutine has
	}
	return word.Load()
}

// Leave gives the slot back. It is idempotent. Whatever is still marked with the Owner counts as left by the dead.
func (p *Participant) Leave() error {
	p.s.mu.RLock()
	defer p.s.mu.RUnlock()
	if p.s.closed {
		return nil
	}
	return p.leave()
}

// leave is Leave for those who hold the segment's mutex.
func (p *Participant) leave() error {
	s, i := p.s, p.Slot()
	s.ownMu.Lock()
	defer s.ownMu.Unlock()
	if p.left {
		return nil
	}
	p.left = true
	delete(s.own, i)
	if !s.lease.same() {
		return s.errLeaseLost()
	}
	err := Guard(func() error {
		s.slots[i].pid.Store(0)
		s.slots[i].start.Store(0)
		return nil
	})
	return errors.Join(err, s.lease.unlock(int64(i), 1))
}
