//go:build linux

package bench

import (
	"errors"

	"shmbus/internal/cpu"
	"shmbus/internal/mem"
)

const (
	bareSlots = 8192 // as a topic's default ring
	bareSize  = 2*64 + 2*(64+bareSlots*(64+64))
)

// line is one cache line with one word in use.
type line struct {
	word mem.Word
	_    [56]byte
}

type payload [8]mem.Plain

// bareRing is a stamp line and a payload line a message, apart.
type bareRing struct {
	cursor line
	stamps [bareSlots]line
	cells  [bareSlots]payload
}

// bare is the mapping the two processes measure the hardware with.
type bare struct {
	ball line
	end  line
	out  bareRing
	back bareRing
}

// send writes a message of one line; i counts from 0.
func (r *bareRing) send(base, i uint64) {
	c := &r.cells[i%bareSlots]
	for j := range c {
		c[j].Set(i)
	}
	r.stamps[i%bareSlots].word.StoreRelease(base + i + 1)
}

// receive waits for message i, reads all of it and says whether it is the one. A compiler that sees that nobody wants the payload would
// leave its loads out, and then its lines would never cross between the cores.
func (r *bareRing) receive(base, i uint64) bool {
	for s := &r.stamps[i%bareSlots].word; s.Load() != base+i+1; {
		cpu.Pause(1)
	}
	sum := uint64(0)
	c := &r.cells[i%bareSlots]
	for j := range c {
		sum += c[j].Get()
	}
	return sum == uint64(len(c))*i
}

var errTorn = errors.New("a message of the bare ring is not what was sent")

// base makes the stamps of one run different from all before: it goes up with every run, on both sides alike.
func (b *bare) base() uint64 { return b.end.word.Load() }

func (s *side) nearLine(n uint64) (report, error) {
	w, base := &s.bare.ball.word, s.bare.base()
	return inParts(n, func(from, to uint64) error {
		for i := from; i < to; i++ {
			w.StoreRelease(base + 2*i + 1)
			for w.Load() != base+2*i+2 {
				cpu.Pause(1)
			}
		}
		return nil
	})
}

func (s *side) farLine(n uint64) (report, error) {
	w, base := &s.bare.ball.word, s.bare.base()
	for i := range n {
		for w.Load() != base+2*i+1 {
			cpu.Pause(1)
		}
		if i == n-1 {
			s.bare.end.word.Store(base + 2*n)
		}
		w.StoreRelease(base + 2*i + 2)
	}
	return report{}, nil
}

func (s *side) nearRing(n uint64) (report, error) {
	b, base := s.bare, s.bare.base()
	return inParts(n, func(from, to uint64) error {
		for i := from; i < to; i++ {
			b.out.send(base, i)
			if !b.back.receive(base, i) {
				return errTorn
			}
		}
		return nil
	})
}

func (s *side) farRing(n uint64) (report, error) {
	b, base := s.bare, s.bare.base()
	for i := range n {
		if !b.out.receive(base, i) {
			return report{}, errTorn
		}
		if i == n-1 {
			b.end.word.Store(base + n)
		}
		b.back.send(base, i)
	}
	return report{}, nil
}

// nearStream sends as fast as it can, a ring ahead of the receiver at most.
func (s *side) nearStream(n uint64) (report, error) {
	r, base := &s.bare.out, s.bare.base()
	r.cursor.word.Store(base)
	room := uint64(bareSlots)
	start := Now()
	for i := range n {
		for i >= room {
			if c := r.cursor.word.Load(); c >= base {
				room = c - base + bareSlots
			}
		}
		r.send(base, i)
	}
	for s.bare.end.word.Load() == base {
		cpu.Pause(1)
	}
	return report{Start: start, End: Now()}, nil
}

func (s *side) farStream(n uint64) (report, error) {
	r, base := &s.bare.out, s.bare.base()
	for i := range n {
		if !r.receive(base, i) {
			return report{}, errTorn
		}
		if i%(bareSlots/8) == 0 {
			r.cursor.word.StoreRelease(base + i)
		}
	}
	s.bare.end.word.Store(base + n)
	return report{}, nil
}
