//go:build shmbus_sched

package sched

import (
	"fmt"
	"time"

	"shmbus/internal/mem"
)

// A Scenario is a few actors and what they share.
type Scenario struct {
	Name string
	// Size is how many bytes the actors share.
	Size int
	// Setup lays the memory out and starts the actors. It is called for each run, with zeroed memory; it must do the same each time.
	Setup func(x *Explorer)
	// Final is called at the end of a run, when nobody can go on. It may use the memory, and what the actors left behind.
	Final func(x *Explorer)
	// Word names a word of the memory.
	Word func(word int) string
	// Crashes is how many actors may die, Timeouts how many waits may end in vain though others could go on.
	Crashes, Timeouts int
	// TSO gives each actor a store buffer of that many stores.
	TSO    bool
	Buffer int
	// PlainSteps makes plain words reasons to stop, for readers that look first and check afterwards.
	PlainSteps bool
	// Stuck says that an actor may be left waiting at the end; Final then looks whether rightly.
	Stuck bool
}

// Bounds are the limits of a search.
type Bounds struct {
	// Budget is how many deviations from the plain order a run may have: going on with another actor though the last one can go on,
	// passing one's own store buffer, ending a wait early. Below 0: as many as there are.
	Budget int
	// States is how many states may be seen; 0: any number.
	States int
	// Time is when to stop; zero: never.
	Time time.Time
	// Depth is how many steps a run may have; 0: 4000. More is an error: somebody does not get on.
	Depth int
}

// A Result is what a search has come to.
type Result struct {
	Runs, Steps, States, Deepest int
	Complete                     bool // all was seen within the budget
	Violation                    *Violation
}

// A Violation is what went wrong, and how.
type Violation struct {
	Text     string
	Schedule []string // in words
}

// Error is the text and the schedule.
func (v *Violation) Error() string {
	s := v.Text
	for _, l := range v.Schedule {
		s += "\n    " + l
	}
	return s
}

// frame is one state on the way to the present one.
type frame struct {
	alts  []alt
	next  int // the alternative that was taken
	key   uint64
	left  int
	start int // in the arena
}

// An Explorer searches one scenario.
type Explorer struct {
	// Written, if Setup sets it, is told of every store that others see. It may call Fail.
	Written func(a *Actor, word int, old, new uint64)
	// Memory is what the actors share.
	Memory []byte

	scenario *Scenario
	bounds   Bounds
	words    []uint64
	base     uintptr
	info     []wordInfo
	sites    *sites

	actors   []*Actor
	cur      *Actor
	looking  bool
	last     int
	left     int
	crashes  int
	timeouts int
	memory   uint64
	notes    uint64
	depth    int
	failed   string

	seen    *table
	frames  []frame
	arena   []alt
	restart bool
	tracing bool
	trace   []string

	runs, steps, deepest int
}

// New makes an explorer of a scenario. Only one may search at a time.
func New(s *Scenario) *Explorer {
	x := &Explorer{scenario: s, Memory: mem.Aligned(s.Size, 4096)}
	x.base = mem.Place(x.Memory)
	x.words, _ = mem.View[uint64](x.Memory, 0, s.Size/8)
	x.info = make([]wordInfo, len(x.words))
	return x
}

// Mutate makes the searches to come suffer from a mutation; nil: from none.
func (x *Explorer) Mutate(m *Mutation) {
	x.sites = nil
	if m != nil {
		x.sites = newSites(m)
	}
}

// Fail says that something is wrong. The first word counts.
func (x *Explorer) Fail(format string, args ...any) {
	if x.failed == "" {
		x.failed = fmt.Sprintf(format, args...)
	}
}

// Search explores within bounds, and stops at the first violation.
func (x *Explorer) Search(b Bounds) Result {
	if b.Depth == 0 {
		b.Depth = 4000
	}
	x.bounds = b
	x.seen = newTable()
	x.frames, x.arena = x.frames[:0], x.arena[:0]
	x.runs, x.steps, x.deepest = 0, 0, 0
	mem.Hook, mem.HookFence = x.hook, x.fence
	defer func() { mem.Hook, mem.HookFence = nil, nil }()
	for {
		x.run()
		if x.restart {
			x.seen = newTable()
			x.frames, x.arena = x.frames[:0], x.arena[:0]
			continue
		}
		if x.failed != "" {
			return x.result(false, x.explain())
		}
		if b.States > 0 && x.seen.used > b.States || !b.Time.IsZero() && x.runs&63 == 0 && time.Now().After(b.Time) {
			return x.result(false, nil)
		}
		if !x.backtrack() {
			return x.result(true, nil)
		}
	}
}

func (x *Explorer) result(complete bool, v *Violation) Result {
	return Result{x.runs, x.steps, x.seen.used, x.deepest, complete, v}
}

// begin starts a run from the beginning.
func (x *Explorer) begin() {
	clear(x.words)
	x.actors = x.actors[:0]
	x.cur, x.Written = nil, nil
	x.last, x.depth = -1, 0
	x.left = x.bounds.Budget
	if x.left < 0 {
		x.left = 250
	}
	x.crashes, x.timeouts = x.scenario.Crashes, x.scenario.Timeouts
	x.memory, x.notes = 0, 0
	x.restart, x.failed = false, ""
	x.scenario.Setup(x)
	for _, a := range x.actors {
		a.resume()
	}
}

// end leaves a run: its coroutines are unwound.
func (x *Explorer) end() {
	x.cur = nil
	failed := x.failed
	for _, a := range x.actors {
		a.stop()
	}
	x.failed = failed
	x.deepest = max(x.deepest, x.depth)
	x.runs++
}

// run goes the way that the frames say, and on from there to the end or to a state that was seen before.
func (x *Explorer) run() {
	x.begin()
	defer x.end()
	for i := range x.frames {
		f := &x.frames[i]
		if i == len(x.frames)-1 && x.key() != f.key && !x.restart {
			panic("sched: " + x.scenario.Name + " does not do the same each time")
		}
		x.apply(f.alts[f.next])
	}
	for x.failed == "" && !x.restart {
		if x.depth > x.bounds.Depth {
			x.Fail("a run of more than %d steps: somebody does not get on", x.bounds.Depth)
			return
		}
		key := x.key()
		if !x.seen.enter(key, uint8(x.left)) {
			return
		}
		start := len(x.arena)
		all, live := x.alternatives(x.arena)
		x.arena = all
		f := frame{alts: all[start:], next: -1, key: key, left: x.left, start: start}
		if !live {
			x.check()
			if x.failed == "" {
				x.frames = append(x.frames, f) // somebody may still die, but in another run: Final has been at work in this one
			}
			return
		}
		if x.failed != "" || x.restart {
			return
		}
		if !x.choose(&f) {
			x.arena = x.arena[:start]
			return
		}
		x.frames = append(x.frames, f)
		x.apply(f.alts[f.next])
	}
}

// choose goes on to the next alternative of a state that leads to something new.
func (x *Explorer) choose(f *frame) bool {
	for f.next++; f.next < len(f.alts); f.next++ {
		t := f.alts[f.next]
		if x.seen.enter(t.after, uint8(f.left-int(t.cost))) {
			return true
		}
	}
	return false
}

// backtrack turns to the last state on the way that has an alternative left.
func (x *Explorer) backtrack() bool {
	for len(x.frames) > 0 {
		f := &x.frames[len(x.frames)-1]
		if x.choose(f) {
			return true
		}
		x.arena = x.arena[:f.start]
		x.frames = x.frames[:len(x.frames)-1]
	}
	return false
}

// check is done where nobody can go on.
func (x *Explorer) check() {
	if !x.scenario.Stuck {
		for _, a := range x.actors {
			if !a.done && !a.dead {
				x.Fail("stuck: %s", a.describe())
				return
			}
		}
	}
	if x.scenario.Final != nil {
		x.final()
	}
}

func (x *Explorer) final() {
	defer func() {
		if r := recover(); r != nil {
			x.Fail("the check of the end panics: %v", r)
		}
	}()
	x.scenario.Final(x)
}
