//go:build shmbus_sched

package sched

import (
	"fmt"

	"shmbus/internal/mem"
)

// explain makes the failed run once more and takes it down in words.
func (x *Explorer) explain() *Violation {
	text := x.failed
	var way []alt
	for _, f := range x.frames {
		way = append(way, f.alts[f.next])
	}
	sites := x.sites
	if sites == nil {
		x.sites = newSites(&Mutation{})
	}
	x.tracing, x.trace = true, nil
	x.begin()
	for _, t := range way {
		x.apply(t)
	}
	for _, a := range x.actors {
		x.trace = append(x.trace, "at the end: "+a.describe())
	}
	x.end()
	x.tracing = false
	x.sites = sites
	return &Violation{text, x.trace}
}

func (s *Scenario) name(w int) string {
	if s.Word != nil {
		return s.Word(w)
	}
	return fmt.Sprintf("word %d", w)
}

// opName is an operation in words.
func (x *Explorer) opName(_ *Actor, p pending) string {
	switch p.kind {
	case opAwait:
		return "the end of a wait"
	case opObserve:
		return "a look at who lives"
	case opDo:
		return "a call of the system"
	case opFence:
		return "the end of all barriers"
	case opDie:
		return "death"
	case opPush:
		return fmt.Sprintf("StoreRelease %s = %#x", x.scenario.name(p.word), p.new)
	case uint8(mem.OpLoad), uint8(mem.OpGet):
		return "load " + x.scenario.name(p.word)
	case uint8(mem.OpSwap):
		return fmt.Sprintf("swap %s %#x for %#x", x.scenario.name(p.word), p.old, p.new)
	}
	return fmt.Sprintf("%v %s = %#x", mem.Op(p.kind), x.scenario.name(p.word), p.new)
}

func (x *Explorer) where(site int) string {
	if x.sites == nil || site == 0 || site >= len(x.sites.list) {
		return ""
	}
	s := x.sites.list[site]
	return "   (" + s.Func + ", " + s.Name + ")"
}

func (x *Explorer) traceOp(a *Actor, p pending, v uint64, indent string) {
	if x.tracing {
		x.trace = append(x.trace, fmt.Sprintf("%s%s: %s -> %#x%s", indent, a.name, x.opName(a, p), v, x.where(p.site)))
	}
}

func (x *Explorer) traceFlush(a *Actor, s store) {
	if x.tracing {
		x.trace = append(x.trace, fmt.Sprintf("%s: its store %s = %#x is seen by all%s", a.name, x.scenario.name(s.word), s.value, x.where(s.site)))
	}
}

func (x *Explorer) traceText(a *Actor, text string) {
	if x.tracing {
		x.trace = append(x.trace, a.name+" "+text)
	}
}
