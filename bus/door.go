package bus

import (
	"errors"
	"slices"
	"sync/atomic"
)

// A door is between those who close a handle, from any goroutine, and the handle's own goroutine while it is in a call that may wait. What
// others may not touch meanwhile, such as the waiter, is let go of by who closes if nobody is inside, and otherwise by who goes out last.
// Memory is not among that: see port.revoke. Calls that do not wait do not come by here, because it costs something.
type door struct{ word atomic.Int32 }

const (
	doorShut = 1 << 0
	doorOne  = 1 << 1 // the count of those inside
)

// enter goes in, and reports false if the door is shut: then nobody has.
func (d *door) enter() bool {
	if d.word.Add(doorOne)&doorShut == 0 {
		return true
	}
	d.word.Add(-doorOne) // who shut it did not count this one
	return false
}

// leave goes out, and says whether the door was shut meanwhile and nobody is inside any more.
func (d *door) leave() (last bool) { return d.word.Add(-doorOne) == doorShut }

// shut shuts the door, and says whether somebody is inside.
func (d *door) shut() (inside bool) { return d.word.Or(doorShut)|doorShut != doorShut }

// isShut says whether shut was called.
func (d *door) isShut() bool { return d.word.Load()&doorShut != 0 }

// goOut leaves the door, and closes the publisher if another goroutine has said so meanwhile.
func (p *Publisher) goOut() {
	if p.door.leave() {
		_ = p.port.close()
	}
}

// goOut leaves the door, and closes the subscription if another goroutine has said so meanwhile.
func (s *Subscriber) goOut() {
	if s.door.leave() {
		_ = s.end()
	}
}

// interrupt makes whoever is inside the door come out.
func (s *Subscriber) interrupt() {
	s.mu.Lock()
	p, sleeper, unheard, joining := s.port, s.sleeper, s.unheard, s.joining
	s.mu.Unlock()
	if joining != nil {
		joining()
	}
	if unheard != nil {
		unheard() // whose set was dropped: nobody comes out
	}
	if p != nil {
		p.kill()
	}
	if sleeper != nil {
		sleeper.Poke()
	}
}

// end lets go of everything. Nobody may be inside the door, but a call that does not wait may be at work, so it leaves alone what is
// for the subscriber's goroutine.
func (s *Subscriber) end() (err error) {
	s.mu.Lock()
	p, leaving := s.port, slices.Clone(s.leaving)
	s.mu.Unlock()
	if p != nil {
		err = p.close()
	}
	for _, p := range leaving {
		err = errors.Join(err, p.close())
	}
	return err
}
