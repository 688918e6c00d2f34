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
	Position     uint64 // of the oldest frame not released, as last stored
	Received     uint64
	Lost         uint64
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
		start, end, open := l.open()
		all = append(all, WriterInfo{
			Line: i, Owner: o, Publisher: l.publisher.Load(), Frames: l.frames.Load(), Bytes: l.bytes.Load(),
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
	for i := range r.gates {
		l := &r.gates[i]
		o, st := l.owner.Load(), l.state.Load()
		if o == 0 || st&kindMask == kindNone {
			continue
		}
		g := GateInfo{Line: i, Owner: o, Subscription: l.subscription.Load(), Position: st >> 2, Received: l.received.Load(), Lost: l.lost.Load()}
		g.Mode = Lossy
		if st&kindMask == kindGate {
			g.Mode = Gate
		}
		all = append(all, g)
	}
	return all
}

// Totals is how many frames, and payload bytes in them, were ever committed.
func (r *Ring) Totals() (frames, bytes uint64) {
	for i := range r.writers {
		frames += r.writers[i].frames.Load()
		bytes += r.writers[i].bytes.Load()
	}
	return frames, bytes
}
