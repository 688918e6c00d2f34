//go:build shmbus_sched

package sched

import (
	"fmt"
	"iter"
	"runtime/debug"

	"shmbus/internal/mem"
)

// An Actor is one thread of a scenario: a process of its own, as far as life and death go.
type Actor struct {
	// Owner is the owner word that stands for the actor's process.
	Owner uint64
	// Mortal says that the actor may die at any step.
	Mortal bool

	x    *Explorer
	name string
	id   int

	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool

	op       pending
	result   uint64
	hist     uint64 // hash of all results so far
	buffer   []store
	issued   int   // stores put into the buffer so far
	stepped  int   // so many of them before its last step
	due      []int // so many of each actor's have to come out first: opFence
	alone    int   // operations since the last stop
	touched  []touch
	held     *store // by a mutation
	done     bool
	dead     bool
	delaying bool   // it has passed its own buffer
	tired    bool   // its wait has ended in vain, and nothing has changed since that others see
	tiredAt  uint64 // hist then
}

// pending is what an actor stopped before.
type pending struct {
	kind    uint8 // a mem.Op, or one of those below
	word    int
	old     uint64
	new     uint64
	f       func() uint64
	timeout bool
	site    int
}

const (
	opAwait   = 100 + iota // until f is not 0
	opObserve              // f
	opPush                 // a release store, into a buffer that is full
	opDie
	opDo    // f, once
	opFence // the end of the barriers of all
)

// store is a store that is not seen by others yet.
type store struct {
	word  int
	value uint64
	site  int
}

// touch is a plain access since the actor's last step.
type touch struct {
	word  int
	write bool
	after int // stores issued before
}

// killed unwinds the coroutine of an actor that is not gone on with.
type killed struct{}

// Go starts an actor. It is called by a scenario's Setup.
func (x *Explorer) Go(name string, body func(a *Actor)) *Actor {
	a := &Actor{x: x, name: name, id: len(x.actors)}
	a.next, a.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			a.done = true
			switch r := recover().(type) {
			case nil, killed:
			default:
				x.Fail("%s panics: %v\n%s", name, r, debug.Stack())
			}
		}()
		a.yield = yield
		body(a)
		a.letGo()
	})
	x.actors = append(x.actors, a)
	return a
}

// resume lets the actor run to its next stop.
func (a *Actor) resume() {
	x := a.x
	x.cur = a
	a.next()
	x.cur = nil
}

// pause stops the actor before an operation and returns its result.
func (a *Actor) pause(op pending) uint64 {
	a.op, a.alone = op, 0
	if !a.yield(struct{}{}) {
		panic(killed{})
	}
	return a.result
}

// Await stops the actor until cond is not 0, and returns that. cond must only load. If timeout is set the wait may also end in vain, with
// 0: as often as the scenario says at any moment, and whenever nobody else can go on.
func (a *Actor) Await(timeout bool, cond func() uint64) uint64 {
	a.letGo()
	return a.pause(pending{kind: opAwait, f: cond, timeout: timeout})
}

// Observe is what f says of the scenario's own state, as a step.
func (a *Actor) Observe(f func() uint64) uint64 { return a.pause(pending{kind: opObserve, f: f}) }

// Do does something to the scenario's own state, as a step and with the force of a full barrier.
func (a *Actor) Do(f func() uint64) uint64 { return a.pause(pending{kind: opDo, f: f}) }

// Mark says that all of the actor's local state that still matters has this hash. What led to it is forgotten.
func (a *Actor) Mark(h uint64) {
	if a.held == nil {
		a.hist = mix(0x6d61726b, h)
	}
}

// Die ends the actor as a death would. Nothing after the call is run.
func (a *Actor) Die() {
	a.letGo()
	a.pause(pending{kind: opDie})
	a.dead = true
	a.hist = 0
	a.touched = a.touched[:0]
	a.x.changed()
	panic(killed{})
}

// Dead says whether the process behind an owner word is dead.
func (x *Explorer) Dead(owner uint64) bool {
	for _, a := range x.actors {
		if a.dead && a.Owner == owner {
			return true
		}
	}
	return false
}

// Current is the actor that runs; nil outside of any.
func (x *Explorer) Current() *Actor { return x.cur }

// Done says whether all of these actors have come to their end, or died.
func (x *Explorer) Done(as ...*Actor) bool {
	for _, a := range as {
		if !a.dead && (!a.done || len(a.buffer) > 0) {
			return false
		}
	}
	return true
}

// letGo performs a store that a mutation still holds.
func (a *Actor) letGo() {
	if h := a.held; h != nil {
		a.held = nil
		a.access(mem.OpRelease, h.word, 0, h.value, h.site)
	}
}

// ready evaluates the condition of a wait as the actor sees memory.
func (a *Actor) ready() uint64 {
	x := a.x
	cur := x.cur
	x.cur, x.looking = a, true
	v := a.op.f()
	x.cur, x.looking = cur, false
	return v
}

// die takes the actor's life. Stores that are still in its buffer are taken for not executed: nothing but loads can have followed
// them. That a dying process's buffer is written out is the same as these stores coming out first.
func (a *Actor) die() {
	a.dead = true
	a.buffer = a.buffer[:0]
	a.touched = a.touched[:0]
	a.hist = 0
	a.held = nil
	a.stop()
	a.x.changed()
}

// String is the actor's name.
func (a *Actor) String() string { return a.name }

// describe is what the actor is doing, for people.
func (a *Actor) describe() string {
	switch {
	case a.dead:
		return a.name + " is dead"
	case a.done:
		return a.name + " is done"
	case a.op.kind == opAwait:
		return a.name + " waits"
	}
	return fmt.Sprintf("%s is before %s", a.name, a.x.opName(a, a.op))
}
