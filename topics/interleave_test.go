//go:build shmbus_sched

package topics

import (
	"fmt"

	"shmbus/internal/sched"
)

// A world is one run of a scenario: a ring, who publishes, who subscribes, and what is known of each position.
type world struct {
	x      *sched.Explorer
	s      *plot
	ring   *Ring // of nobody: for setting up and checking
	deaths bool
	pubs   []*pub
	subs   []*sub
	at     []fate // by position
	bed    *bed   // where they sleep; nil: they just wait
	unused bool   // the topic is gone and nobody's
}

// fate is what became of a position.
type fate struct {
	state  uint64
	span   uint64
	id     uint64 // publisher
	within bool   // a run, and not its first
}

// inside is the state of a position that is not the first of its frame or hole.
const inside = 4

// A plot is a scenario over a ring.
type plot struct {
	sched.Scenario
	g        Geometry
	turns    bool // publishers queue
	count    bool // subscribers ask what was lost after each frame
	restless bool // who waits looks for the dead, though nobody dies
	cast     func(w *world)
	end      func(w *world)
	w        *world
	stamp    int // first word of the stamps
	bells    int // of data and room: the two lines behind the ring
	sleep    bool
	heavy    bool // so many states that a search by default ends sooner
	loose    bool // a group need not get every frame: it begins while they come
}

// start fills in what all plots have in common.
func (p *plot) start() *sched.Explorer {
	g, err := p.g.Normal()
	if err != nil {
		panic(err)
	}
	p.g = g
	a := g.Areas(testPage)
	p.stamp, p.bells = int(a.Stamps/8), int(a.Size/8)
	p.Size = int(a.Size) + 128
	p.Word = p.name
	if p.Buffer == 0 {
		p.Buffer = 4
	}
	p.Setup = func(x *sched.Explorer) {
		region := x.Memory[:a.Size]
		if err := Format(region, g, testPage, 1); err != nil {
			panic(err)
		}
		r, err := OpenRing(region)
		if err != nil {
			panic(err)
		}
		if p.g.NoTime {
			r.growth = r.block() - 1
		}
		p.w = &world{x: x, s: p, ring: r, deaths: p.Crashes > 0 || p.restless}
		x.Written = p.w.written
		if p.sleep {
			p.w.bed = newBed(p.w)
		}
		p.cast(p.w)
	}
	p.Final = func(*sched.Explorer) {
		p.w.check()
		if p.end != nil {
			p.end(p.w)
		}
	}
	return sched.New(&p.Scenario)
}

// name is what a word of the region is called.
func (p *plot) name(w int) string {
	a := p.g.Areas(testPage)
	line, rest := w/8, w%8
	area := func(from int64) int { return line - int(from/64) }
	switch b := int64(w) * 8; {
	case b >= a.Size:
		return [...]string{"data bell", "room bell"}[area(a.Size)]
	case b >= a.Cells:
		return fmt.Sprintf("payload of slot %d, word %d", (w-int(a.Cells/8))/(p.g.CellSize/8), (w-int(a.Cells/8))%(p.g.CellSize/8))
	case b >= a.Stamps:
		return fmt.Sprintf("slot %d %s", area(a.Stamps), [...]string{"stamp", "publisher", "sequence", "number", "time", "meta", "?", "?"}[rest])
	case b >= a.Gates:
		return fmt.Sprintf("gate %d %s", area(a.Gates), [...]string{"owner", "state", "subscription", "received", "lost", "pin", "group", "attempts"}[rest])
	case b >= a.Writers:
		return fmt.Sprintf("writer %d %s", area(a.Writers), [...]string{"owner", "claim", "length", "last", "frames", "publisher", "bytes", "blocked"}[rest])
	case line == 1:
		return [...]string{"head", "turn", "sole", "?", "?", "?", "?", "?"}[rest]
	case line == 2:
		return [...]string{"publishers", "subscriptions", "?", "?", "?", "?", "?", "?"}[rest]
	case w == 0:
		return "tail"
	}
	return fmt.Sprintf("word %d", w)
}

// process is the ring as the process of an owner sees it.
func (w *world) process(owner uint64) *Ring {
	r := *w.ring
	r.Self = owner
	r.Alive = func(o uint64) bool {
		if !w.deaths || o == owner {
			return true
		}
		dead := func() uint64 { return bit(w.x.Dead(o)) }
		if a := w.x.Current(); a != nil {
			return a.Observe(dead) == 0
		}
		return dead() == 0
	}
	return &r
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// written looks at each store that all see: a position is stamped once, within what is claimed and not passed.
func (w *world) written(_ *sched.Actor, word int, old, new uint64) {
	if w.unused && word >= w.s.stamp && word < w.s.bells {
		w.x.Fail("a store to %s, which has been given back", w.s.name(word))
	}
	mask := w.ring.mask
	i := word - w.s.stamp
	if i < 0 || i%8 != 0 || i/8 > int(mask) {
		switch {
		case word == 8:
			w.moved(old, new)
		case word == 0 && new < old:
			w.x.Fail("the tail goes back from %d to %d", old, new)
		}
		return
	}
	pos := new>>2&^mask | uint64(i/8)
	span, ok := resolved(new, pos, mask)
	head, tail := w.ring.control.head.Load()&positionMask, w.ring.control.tail.Load()
	switch {
	case !ok:
		w.x.Fail("slot %d gets the stamp %#x, which stands for nothing", i/8, new)
		return
	case pos+span > tail || pos < head && head != tombstone:
		w.x.Fail("position %d is stamped, of the head %d and the tail %d", pos, head, tail)
		return
	}
	for len(w.at) < int(pos+span) {
		w.at = append(w.at, fate{})
	}
	d := w.ring.at(pos)
	f, first := fate{state: new & 3, span: span, id: d.publisher.Get()}, pos
	if was, ok := resolved(old, pos, mask); ok && f.state == committedRun && was == span-1 && w.ring.couldGrow(old, pos+was) {
		first = pos + was // the run has grown
	}
	for j := first; j < pos+span; j++ {
		if w.at[j].state != 0 {
			w.x.Fail("position %d is stamped twice", j)
		}
		w.at[j] = fate{state: inside}
	}
	if f.state == committedRun {
		f.state, f.span = committed, 1
		for j := first; j < pos+span; j++ {
			w.at[j] = fate{committed, 1, f.id, j != pos}
		}
	}
	if first == pos {
		w.at[pos] = f
	}
	pos = first
	w.x.Note(mix(pos, f.state<<8|f.span<<16|f.id))
	for _, s := range w.subs {
		if f.state == committed && s.joined && !s.closed && pos < s.from {
			w.x.Fail("position %d is committed after a subscription has joined at %d", pos, s.from)
		}
	}
}

// moved looks at a move of the head: it goes up, over what is stamped.
func (w *world) moved(old, new uint64) {
	from, to := old&positionMask, new&positionMask
	if to == tombstone {
		return
	}
	if to < from {
		w.x.Fail("the head goes back from %d to %d", from, to)
	}
	for ; from < to; from++ {
		if (from >= uint64(len(w.at)) || w.at[from].state == 0) && !w.orphaned(from) {
			w.x.Fail("the head passes position %d, which has no stamp", from)
		}
	}
	if to < uint64(len(w.at)) && (w.at[to].within || w.at[to].state == inside) {
		w.x.Fail("the head moves to %d, within a run or a frame", to)
	}
	for _, s := range w.subs {
		if s.joined && !s.closed && (s.mode == Gate || s.mode == Member) && to > s.freed && !s.kicked && !w.x.Dead(s.owner) {
			w.x.Fail("the head moves to %d, past a subscription at %d", to, s.freed)
		}
	}
}

// orphaned says whether nobody alive may have claimed a position, and somebody dead may: "Why all below a bar is stamped" in PROTOCOL.md has how that comes about.
func (w *world) orphaned(pos uint64) bool {
	r := *w.ring
	r.Alive = func(o uint64) bool { return !w.x.Dead(o) }
	return w.died() > 0 && !r.Held(pos)
}

// committed is the positions of all frames from one on.
func (w *world) committed(from uint64) []uint64 {
	var all []uint64
	for pos, f := range w.at {
		if f.state == committed && uint64(pos) >= from {
			all = append(all, uint64(pos))
		}
	}
	return all
}

// check is what must hold at the end of each run.
func (w *world) check() {
	sent := make(map[uint64]uint64)
	for _, pos := range w.committed(0) {
		sent[w.at[pos].id]++
	}
	for _, p := range w.pubs {
		if !w.x.Dead(p.owner) && p.wr != nil && sent[p.wr.ID()] != p.sent {
			w.x.Fail("%d frames of publisher %d are there, of %d", sent[p.wr.ID()], p.wr.ID(), p.sent)
		}
	}
	for _, s := range w.subs {
		s.check()
	}
	w.checkGroup()
}

// content is what word j of a frame's payload holds.
func content(publisher, sequence uint64, j int) uint64 { return mix(publisher<<8|sequence, uint64(j)) }

// payload is a whole frame's.
func payload(publisher, sequence uint64, words int) []byte {
	var b []byte
	for j := range words {
		v := content(publisher, sequence, j)
		for range 8 {
			b = append(b, byte(v))
			v >>= 8
		}
	}
	return b
}
