package topics

// WriterInfo is what a ring shows of one publisher, for people: loaded word by word, not at one moment.
type WriterInfo struct {
	Line      int
	Owner     uint64
	Publisher uint64 // id
	Frames    uint64 // on this line, across its owners
	Bytes     uint64 // on this line, across its owners
	Blocked   int64  // nanoseconds this publisher has waited
	Open      bool   // a claim is open
	Position  uint64 // of the open claim
	Slots     uint64 // of the open claim
}

// GateInfo is what a ring shows of one subscription.
type GateInfo struct {
	Line         int
	Owner        uint64
	Subscription uint64 // id
	Mode         Mode
	Group        string // of a Member
	Position     uint64 // of the oldest frame not released, as last stored; of a Member, of its frame in hand, or else where its group is
	Holds        bool   // a Member: it has a frame in hand, or is just taking one
	Abandoned    bool   // a Member: it left with its frame in hand, which waits for another
	Received     uint64
	Lost         uint64
}

// GroupInfo is what a ring shows of one group.
type GroupInfo struct {
	Line     int
	Name     string
	Position uint64 // of the next frame to be taken
}

// Writers is who publishes.
func (r *Ring) Writers() []WriterInfo {
	var all []WriterInfo
	for i := range r.writers {
		l := &r.writers[i]
		o := l.owner.Load()
		if o == 0 {
			continue
		}
		start, end, open := r.pending(l)
		all = append(all, WriterInfo{
			Line: i, Owner: o, Publisher: l.publisher.Load(), Frames: l.frames.Load(), Bytes: l.sent(),
			Blocked: int64(l.blocked.Load()), Open: open, Position: start, Slots: end - start,
		})
	}
	return all
}

// Written says whether anybody holds a writer line.
func (r *Ring) Written() bool {
	for i := range r.writers {
		if r.writers[i].owner.Load() != 0 {
			return true
		}
	}
	return false
}

// Gates is who subscribes; taps cannot be seen.
func (r *Ring) Gates() []GateInfo {
	var all []GateInfo
	var groups []GroupInfo
	for i := range r.gates {
		l := &r.gates[i]
		o, st, group := l.owner.Load(), l.state.Load(), l.group.Load()
		kind := st & kindMask
		if !subscribed(o, kind, group) {
			continue
		}
		g := GateInfo{Line: i, Owner: o, Subscription: l.subscription.Load(), Position: st >> 2, Received: l.received.Load(), Lost: l.lost.Load()}
		switch kind {
		case kindGate:
			g.Mode = Gate
		case kindLossy:
			g.Mode = Lossy
		default:
			if groups == nil {
				groups = r.Groups()
			}
			r.showMember(&g, l, groups)
		}
		all = append(all, g)
	}
	return all
}

// showMember fills in what is known of a member.
func (r *Ring) showMember(g *GateInfo, l *gateLine, groups []GroupInfo) {
	g.Mode = Member
	for _, gr := range groups {
		if r.gates[gr.Line].group.Load() == l.group.Load() {
			g.Group, g.Position = gr.Name, gr.Position
		}
	}
	if p := l.pin.Load(); p != 0 {
		g.Position, g.Holds = pinned(p), true
	}
	g.Abandoned = g.Owner == ownerAbandoned
}

// Groups is the groups there are.
func (r *Ring) Groups() []GroupInfo {
	all := []GroupInfo{}
	for i := range r.gates {
		if l := &r.gates[i]; l.owner.Load() == ownerGroup {
			all = append(all, GroupInfo{Line: i, Name: l.groupName(), Position: l.state.Load() >> 2})
		}
	}
	return all
}

// Counts is how many publishers and subscriptions there are, as Writers and Gates list them.
func (r *Ring) Counts() (publishers, subscriptions int) {
	for i := range r.writers {
		if r.writers[i].owner.Load() != 0 {
			publishers++
		}
	}
	for i := range r.gates {
		if l := &r.gates[i]; subscribed(l.owner.Load(), l.state.Load()&kindMask, l.group.Load()) {
			subscriptions++
		}
	}
	return publishers, subscriptions
}

// subscribed says whether a gate line of that owner, kind and group is a subscription's or a member's.
func subscribed(owner, kind, group uint64) bool {
	return owner != 0 && kind != kindGroup && (kind != kindNone || group != 0)
}

// Totals is how many frames, and payload bytes in them, were ever committed.
func (r *Ring) Totals() (frames, bytes uint64) {
	for i := range r.writers {
		frames += r.writers[i].frames.Load()
		bytes += r.writers[i].sent()
	}
	return frames, bytes
}

// InUse says whether a living participant holds a line of the topic.
func (r *Ring) InUse() bool {
	living, _ := r.held()
	return living
}

// Deserted says that somebody has held a line of the topic and no living participant does.
func (r *Ring) Deserted() bool {
	c := r.control
	came := c.publishers.Load() != 0 || c.subscriptions.Load() != 0
	living, dead := r.held()
	return !living && (came || dead)
}

// held says whether lines of the topic are held by living participants, and by the dead, as far as it has looked.
func (r *Ring) held() (living, dead bool) {
	look := func(o uint64) bool {
		if o != 0 {
			living = r.alive(o)
			dead = dead || !living
		}
		return living
	}
	for i := range r.writers {
		if look(r.writers[i].owner.Load()) {
			return living, dead
		}
	}
	for i := range r.gates {
		if look(r.gates[i].owner.Load()) {
			return living, dead
		}
	}
	return living, dead
}
