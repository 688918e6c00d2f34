//go:build shmbus_sched

package sched

import (
	"math/bits"
	"slices"

	"shmbus/internal/mem"
)

// What can be done next: one operation of an actor, one store out of its buffer, its death, or the end of its wait in vain.
const (
	doExec = iota
	doFlush
	doCrash
	doTimeout
)

// an alt is one alternative in a state.
type alt struct {
	what  uint8
	actor uint8
	cost  uint8
	free  bool   // a wait that ends when nobody else can go on
	after uint64 // hash of the state right behind it
}

func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^0x9e3779b97f4a7c15, v^0xbf58476d1ce4e5b9)
	return hi ^ lo ^ h<<23 ^ v
}

func mixWord(w int, v uint64) uint64 { return mix(mix(0x776f7264, uint64(w)), v) }

// Note adds something to the hash of the state that is in nobody's memory: what a scenario remembers and checks. The order of notes
// does not matter.
func (x *Explorer) Note(v uint64) { x.notes ^= mix(0x6e6f7465, v) }

// isStore says whether an operation stores, or may.
func isStore(kind uint8) bool {
	switch kind {
	case uint8(mem.OpStore), uint8(mem.OpRelease), uint8(mem.OpSwap), uint8(mem.OpAdd), uint8(mem.OpSet), opPush:
		return true
	}
	return false
}

// enabled says whether the actor's next operation can be done now.
func (a *Actor) enabled() bool {
	if a.dead || a.done {
		return false
	}
	switch a.op.kind {
	case opAwait:
		return a.ready() != 0
	case opPush:
		return len(a.buffer) < a.x.scenario.Buffer
	case uint8(mem.OpStore), uint8(mem.OpSwap), uint8(mem.OpAdd), opDie, opDo:
		return len(a.buffer) == 0
	case opFence:
		return !slices.ContainsFunc(a.x.actors, func(b *Actor) bool { return a.undone(b) > 0 })
	}
	return true
}

// alternatives appends all that can be done in the present state, the plain order first. live says whether anything can be done that is
// not a death.
func (x *Explorer) alternatives(to []alt) (all []alt, live bool) {
	first := len(to)
	var on [16]bool
	for _, a := range x.actors {
		on[a.id] = a.enabled()
		live = live || on[a.id] || len(a.buffer) > 0
	}
	quiet := !live
	switching := uint8(0) // what it costs to go on with another actor
	if l := x.last; l >= 0 && (on[l] || len(x.actors[l].buffer) > 0) {
		switching = 1
	}
	n := len(x.actors)
	for k := range n {
		a := x.actors[(max(x.last, 0)+k)%n]
		cost := switching
		if a.id == x.last {
			cost = 0
		}
		if len(a.buffer) > 0 {
			to = append(to, alt{what: doFlush, actor: uint8(a.id), cost: cost})
		}
		if on[a.id] {
			if len(a.buffer) > 0 && !a.delaying {
				cost++
			}
			to = append(to, alt{what: doExec, actor: uint8(a.id), cost: cost})
		}
	}
	for _, a := range x.actors {
		if a.dead || a.done {
			continue
		}
		waits := a.op.kind == opAwait
		if waits && a.op.timeout && !on[a.id] {
			switch {
			case quiet && !(a.tired && a.tiredAt == a.hist):
				live = true
				to = append(to, alt{what: doTimeout, actor: uint8(a.id), free: true})
			case !quiet && x.timeouts > 0:
				to = append(to, alt{what: doTimeout, actor: uint8(a.id), cost: 1})
			}
		}
		if a.Mortal && x.crashes > 0 && (waits || len(a.buffer) > 0 || isStore(a.op.kind)) {
			to = append(to, alt{what: doCrash, actor: uint8(a.id)})
		}
	}
	keep := to[:first]
	base := x.key()
	for _, t := range to[first:] {
		if x.bounds.Budget < 0 {
			t.cost = 0
		}
		if int(t.cost) > x.left {
			continue
		}
		t.after = x.predict(base, t)
		keep = append(keep, t)
	}
	return keep, live
}

// key is the hash of the present state.
func (x *Explorer) key() uint64 {
	k := x.memory ^ x.notes ^ mix(uint64(x.crashes), uint64(x.timeouts))
	for _, a := range x.actors {
		k ^= a.key(a.hist, a.buffer)
	}
	if x.bounds.Budget >= 0 {
		k ^= mix(0x6c617374, uint64(x.last+1))
	}
	return k
}

func (a *Actor) key(hist uint64, buffer []store) uint64 {
	k := mix(uint64(a.id)+1, hist)
	flags := uint64(0)
	for i, f := range [...]bool{a.dead, a.done, a.tired, a.delaying && a.x.bounds.Budget >= 0} {
		if f {
			flags |= 1 << i
		}
	}
	k = mix(k, flags)
	if a.tired {
		k = mix(k, a.tiredAt)
	}
	for _, s := range buffer {
		k = mix(k, mixWord(s.word, s.value))
	}
	if len(buffer) > 0 {
		k = mix(k, uint64(a.issued-a.stepped))
	}
	if a.op.kind == opFence && !a.dead {
		for _, b := range a.x.actors {
			k = mix(k, uint64(a.undone(b)))
		}
	}
	return k
}

// predict is a hash of the state that t leads to, before its actor runs on: a state that was entered in the same way needs no run
// to be recognised.
func (x *Explorer) predict(base uint64, t alt) uint64 {
	a := x.actors[t.actor]
	k := base ^ a.key(a.hist, a.buffer) ^ mix(uint64(t.what)+100, uint64(t.actor))
	switch t.what {
	case doFlush:
		s := a.buffer[0]
		k ^= mixWord(s.word, x.words[s.word]) ^ mixWord(s.word, s.value) ^ a.key(a.hist, a.buffer[1:])
	case doExec:
		v, writes, value := x.effect(a, &a.op)
		if writes {
			k ^= mixWord(a.op.word, x.words[a.op.word]) ^ mixWord(a.op.word, value)
		}
		k ^= a.key(mix(a.hist, v+1), a.buffer)
	default:
		k ^= mix(k, 1)
	}
	return k
}

// apply does one alternative.
func (x *Explorer) apply(t alt) {
	a := x.actors[t.actor]
	x.steps++
	x.depth++
	x.left -= int(t.cost)
	switch t.what {
	case doFlush:
		x.last = a.id
		s := a.buffer[0]
		a.buffer = append(a.buffer[:0], a.buffer[1:]...)
		if len(a.buffer) == 0 {
			a.delaying = false
		}
		a.settled()
		x.traceFlush(a, s)
		x.set(a, s.word, s.value)
	case doExec:
		x.last = a.id
		a.delaying = len(a.buffer) > 0
		if a.op.kind == opPush {
			a.push(a.op)
			a.hist = mix(a.hist, 1)
			a.resume()
			return
		}
		a.stepped = a.issued
		v, writes, value := x.effect(a, &a.op)
		if a.op.kind == opDo {
			v = a.op.f()
		}
		a.settled()
		x.traceOp(a, a.op, v, "")
		if writes {
			x.set(a, a.op.word, value)
		}
		a.result = v
		a.hist = mix(a.hist, v+1)
		a.resume()
	case doCrash:
		x.crashes--
		x.traceText(a, "dies")
		a.die()
	case doTimeout:
		x.last = a.id
		if t.free {
			a.tired, a.tiredAt = true, a.hist
		} else {
			x.timeouts--
		}
		x.traceText(a, "waits no longer")
		a.result = 0
		a.hist = mix(a.hist, 1)
		a.resume()
	}
}
