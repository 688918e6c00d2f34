//go:build shmbus_sched

package sched

import (
	"math/bits"

	"shmbus/internal/mem"
)

// mostAlone is how many operations an actor may do on end that are no reason to stop. It stops then all the same: it may be waiting for
// one that has not run yet.
const mostAlone = 1000

// wordInfo is what is known of a word over all runs.
type wordInfo struct {
	readers, writers uint16 // actors, by bit
	step             bool   // a reason to stop
}

// hook is mem.Hook.
func (x *Explorer) hook(op mem.Op, at uintptr, old, new uint64) (uint64, bool) {
	w := int((at - x.base) >> 3)
	a := x.cur
	if a == nil || uint(w) >= uint(len(x.words)) {
		return 0, false
	}
	if x.looking {
		if op != mem.OpLoad && op != mem.OpGet {
			x.Fail("a store while waiting")
			return 0, true
		}
		x.note(a, op, w)
		return x.read(a, w), true
	}
	site := 0
	if x.sites != nil && (op != mem.OpLoad && op != mem.OpGet || x.tracing) {
		site = x.sites.find()
		if op != mem.OpLoad && op != mem.OpGet {
			return a.mutated(op, w, old, new, site), true
		}
	}
	return a.access(op, w, old, new, site), true
}

// note takes down who uses a word. A word that turns out to be shared makes the search begin again.
func (x *Explorer) note(a *Actor, op mem.Op, w int) {
	i, bit := &x.info[w], uint16(1)<<a.id
	if op == mem.OpLoad || op == mem.OpGet {
		if i.readers&bit != 0 {
			return
		}
		i.readers |= bit
	} else {
		if i.writers&bit != 0 {
			return
		}
		i.writers |= bit
	}
	plain := op == mem.OpGet || op == mem.OpSet
	if !i.step && (!plain || x.scenario.PlainSteps) && i.writers != 0 && bits.OnesCount16(i.readers|i.writers) > 1 {
		i.step = true
		x.restart = true
	}
}

// access performs an operation: at once if nobody else can tell when, into the store buffer if it is a store that may be delayed, and
// otherwise after a stop.
func (a *Actor) access(op mem.Op, w int, old, new uint64, site int) uint64 {
	x := a.x
	x.note(a, op, w)
	plain := op == mem.OpGet || op == mem.OpSet
	p := pending{kind: uint8(op), word: w, old: old, new: new, site: site}
	barrier := op == mem.OpStore || op == mem.OpSwap || op == mem.OpAdd
	a.alone++
	if !x.info[w].step && (!barrier || len(a.buffer) == 0) && a.alone < mostAlone {
		if plain {
			a.race(w, op == mem.OpSet)
		}
		v, writes, value := x.effect(a, &p)
		if writes {
			x.set(a, w, value)
		}
		x.traceOp(a, p, v, "  ")
		return v
	}
	if x.scenario.TSO {
		switch op {
		case mem.OpRelease, mem.OpSet:
			if len(a.buffer) >= x.scenario.Buffer {
				p.kind = opPush
				return a.pause(p)
			}
			a.push(p)
			return 0
		case mem.OpLoad, mem.OpGet:
			if v, own := a.forward(w); own {
				x.traceOp(a, p, v, "  ")
				return v
			}
		}
	}
	return a.pause(p)
}

// fence is mem.HookFence. The barriers of others are as weak as can be: each comes at a moment of its own between the caller's two steps, so that
// the stores that were made before the first one have come out by the second, one by one, and later ones may have or not.
func (x *Explorer) fence(all bool) {
	a := x.cur
	if a == nil || x.looking {
		return
	}
	if s := x.sites; s != nil {
		site := &s.list[s.find()]
		site.Op = mem.OpFence
		if s.m.How == Weak && s.m.Site == site.Name {
			return
		}
	}
	a.letGo()
	switch {
	case all:
		a.Do(func() uint64 {
			a.due = a.due[:0]
			for _, b := range x.actors {
				a.due = append(a.due, b.stepped)
			}
			return 0
		})
		a.pause(pending{kind: opFence})
	case len(a.buffer) > 0:
		a.Do(func() uint64 { return 0 })
	}
}

// undone is how many stores of another actor still have to come out before the barriers are done that a waits for. Those that b has made since its
// last step it may as well not have come to yet.
func (a *Actor) undone(b *Actor) int {
	if b.dead {
		return 0
	}
	return max(0, a.due[b.id]-(b.issued-len(b.buffer)))
}

func (a *Actor) push(p pending) {
	a.issued++
	a.buffer = append(a.buffer, store{p.word, p.new, p.site})
}

// forward is what the actor's own buffer holds of a word.
func (a *Actor) forward(w int) (uint64, bool) {
	for i := len(a.buffer) - 1; i >= 0; i-- {
		if a.buffer[i].word == w {
			return a.buffer[i].value, true
		}
	}
	return 0, false
}

// read is a word as the actor sees it.
func (x *Explorer) read(a *Actor, w int) uint64 {
	if v, own := a.forward(w); own {
		return v
	}
	return x.words[w]
}

// effect is what an operation returns and stores, without doing it.
func (x *Explorer) effect(a *Actor, p *pending) (result uint64, writes bool, value uint64) {
	switch p.kind {
	case uint8(mem.OpLoad), uint8(mem.OpGet):
		return x.read(a, p.word), false, 0
	case uint8(mem.OpStore), uint8(mem.OpRelease), uint8(mem.OpSet):
		return 0, true, p.new
	case uint8(mem.OpSwap):
		if x.words[p.word] != p.old {
			return 0, false, 0
		}
		return 1, true, p.new
	case uint8(mem.OpAdd):
		v := x.words[p.word] + p.new
		return v, true, v
	case opAwait:
		return a.ready(), false, 0
	case opObserve:
		return p.f(), false, 0
	}
	return 0, false, 0
}

// set stores a word where all see it.
func (x *Explorer) set(a *Actor, w int, value uint64) {
	old := x.words[w]
	x.words[w] = value
	if old != value && x.info[w].step {
		x.memory ^= mixWord(w, old) ^ mixWord(w, value)
		x.changed()
	}
	if x.Written != nil {
		x.Written(a, w, old, value)
	}
}

// changed says that waiting in vain may pay again.
func (x *Explorer) changed() {
	for _, a := range x.actors {
		a.tired = false
	}
}

// race finds two plain accesses that nothing orders. Those of an actor since its last step could as well be made now.
func (a *Actor) race(w int, write bool) {
	x := a.x
	for _, b := range x.actors {
		if b == a || b.dead {
			continue
		}
		for _, t := range b.touched {
			if t.word == w && (t.write || write) {
				x.Fail("data race on %s between %s and %s", x.scenario.name(w), a.name, b.name)
			}
		}
	}
	a.touched = append(a.touched, touch{w, write, a.issued})
}

// settled forgets plain accesses that are ordered from now on: those made before a step, or before a store that has come out.
func (a *Actor) settled() {
	if len(a.buffer) == 0 {
		a.touched = a.touched[:0]
		return
	}
	out := a.issued - len(a.buffer)
	keep := a.touched[:0]
	for _, t := range a.touched {
		if t.after >= out {
			keep = append(keep, t)
		}
	}
	a.touched = keep
}
