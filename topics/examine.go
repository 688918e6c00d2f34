package topics

import (
	"fmt"
	"slices"
)

// An Examination is what a look at a whole ring found. It is made with plain loads while everything goes on.
type Examination struct {
	Removed bool
	Claims  []Hold   // open claims of the living
	Hands   []Hold   // frames that living members of groups have in hand
	Busy    []Hold   // groups that a living participant is just making or giving back; no group can be made, or that one not joined, until it is done
	Behind  []Hold   // lossless subscriptions of the living, and groups, that are behind the tail
	Dead    []Hold   // lines of the dead, which whoever is held up by them takes back
	Kept    []Hold   // frames that members who died or left had in hand, which wait for another member
	Wrong   []string // what no participant leaves behind
}

// A Hold is a line that others may have to wait for.
type Hold struct {
	What  string // "publisher 3"
	Owner uint64
	// Subscription is its id; 0 of publishers and groups.
	Subscription uint64
	Position     uint64
	Slots        uint64 // claimed, from Position on; or from there to the tail
	// Since is when it was so already, in Unix nanoseconds, as the times of frames tell; 0 if they tell nothing.
	Since int64
}

// Examine looks at the ring from its head to its tail.
func (r *Ring) Examine() Examination {
	var e Examination
	head, removed := r.Head()
	if e.Removed = removed; removed {
		return e
	}
	tail := r.Tail()
	switch now, _ := r.Head(); {
	case tail > maxPosition:
		e.Wrong = append(e.Wrong, fmt.Sprintf("the tail is %#x, above every position", tail))
		return e
	case head > tail || tail-now > r.mask+1 && now <= tail:
		e.Wrong = append(e.Wrong, fmt.Sprintf("the head is %d, the tail %d: not within a ring of %d slots", head, tail, r.mask+1))
		return e
	}
	r.examineSlots(&e, head, tail)
	r.examineLines(&e, tail)
	r.examineGroups(&e, tail)
	if len(e.Dead) == 0 && r.AnyDead() {
		e.Dead = append(e.Dead, Hold{What: "somebody who was just coming or going", Position: tail})
	}
	return e
}

// examineSlots looks for slots that nobody will finish.
func (r *Ring) examineSlots(e *Examination, p, tail uint64) {
	claims := r.openClaims()
	for steps := uint64(0); p < tail && steps <= 2*r.mask+2; steps++ {
		st := r.at(p).stamp.Load()
		if span, ok := resolved(st, p, r.mask); ok {
			p += span
			continue
		}
		end, held := claims.at(p)
		if h, removed := r.Head(); removed {
			return
		} else if h > p {
			p = h
			continue
		}
		if held {
			p = end
			continue
		}
		if start, _, span := r.around(p); start != p {
			p = start + span
			continue
		}
		if r.at(p).stamp.Load() == st {
			e.Wrong = append(e.Wrong, fmt.Sprintf("position %d was claimed and nobody holds it; its stamp is %#x", p, st))
			return
		}
	}
}

func (r *Ring) examineLines(e *Examination, tail uint64) {
	writers, gates, groups := r.Writers(), r.Gates(), r.Groups()
	var stands []uint64
	for _, w := range writers {
		if w.Open {
			stands = append(stands, w.Position+w.Slots)
		}
	}
	for _, g := range gates {
		stands = append(stands, g.Position)
	}
	for _, g := range groups {
		stands = append(stands, g.Position)
	}
	since := r.timesBehind(stands, tail)
	for _, w := range writers {
		h := Hold{What: fmt.Sprintf("publisher %d", w.Publisher), Owner: w.Owner}
		claims := w.Open && (w.Position < tail || r.holdsTail(w, tail))
		if claims {
			h.Position, h.Slots = w.Position, w.Slots
			h.Since = since[w.Position+w.Slots]
		}
		switch {
		case !r.alive(w.Owner):
			e.Dead = append(e.Dead, h)
		case claims:
			e.Claims = append(e.Claims, h)
		}
	}
	for _, g := range gates {
		h := Hold{What: fmt.Sprintf("subscription %d", g.Subscription), Owner: g.Owner, Subscription: g.Subscription, Position: g.Position}
		if g.Mode == Member {
			h.What = fmt.Sprintf("member %d of group %s", g.Subscription, g.Group)
		}
		if g.Position < tail {
			h.Slots, h.Since = tail-g.Position, since[g.Position]
		}
		if g.Holds {
			h.Slots = 0
		}
		switch alive := r.alive(g.Owner); {
		case !alive && g.Holds:
			e.Kept = append(e.Kept, h)
		case !alive:
			e.Dead = append(e.Dead, h)
		case g.Holds:
			e.Hands = append(e.Hands, h)
		case g.Mode == Gate && h.Slots > 0:
			e.Behind = append(e.Behind, h)
		}
	}
	for _, g := range groups {
		if g.Position < tail {
			e.Behind = append(e.Behind, Hold{
				What: "group " + g.Name, Owner: ownerGroup, Position: g.Position, Slots: tail - g.Position, Since: since[g.Position],
			})
		}
	}
}

// examineGroups looks who is at work on groups.
func (r *Ring) examineGroups(e *Examination, tail uint64) {
	if o := r.control.groups.Load(); o != 0 && r.alive(o) {
		e.Busy = append(e.Busy, Hold{What: "a group", Owner: o, Position: tail})
	}
	for i := range r.gates {
		l := &r.gates[i]
		if o, st := l.owner.Load(), l.state.Load(); o != 0 && st&kindMask == kindGroup && r.alive(o) {
			e.Busy = append(e.Busy, Hold{What: "group " + l.groupName(), Owner: o, Position: st >> 2})
		}
	}
}

// timesBehind is for each of the positions, which it sorts, the time of the first frame at or behind it that has one: what was claimed before it is older. It goes
// round the ring once for all of them, however long the claims are that they stand at.
func (r *Ring) timesBehind(positions []uint64, tail uint64) map[uint64]int64 {
	if r.geometry.NoTime || len(positions) == 0 {
		return nil
	}
	slices.Sort(positions)
	times := make(map[uint64]int64)
	for p := r.runStart(max(positions[0], tail-min(tail, r.mask+1))); p < tail && len(positions) > 0; {
		d := r.at(p)
		st := d.stamp.Load()
		span, ok := resolved(st, p, r.mask)
		if !ok {
			p++
			continue
		}
		p += span
		t := d.time.Get()
		if st&3 == aborted || t == 0 {
			continue
		}
		for ; len(positions) > 0 && positions[0] < p; positions = positions[1:] {
			times[positions[0]] = int64(t)
		}
	}
	return times
}
