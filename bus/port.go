package bus

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// A port is a topic as one Publisher or Subscriber has it open: a mapping of its own, or two, the ring over it, and the bells.
//
// A handle is used by one goroutine, but it, or its Bus, may be closed by another at any moment. The memory is then taken away from under
// the handle: the mapping is replaced by private zeros, so that whatever the other goroutine still stores reaches nobody, and the lines
// are given back through a mapping of their own. The handle finds its state changed and says ErrClosed. The zeros stay until the garbage
// collector finds that nobody can touch them any more: to know it sooner would cost something at every frame.
type port struct {
	bus    *Bus
	at     *attachment
	entry  topics.Entry
	name   string
	owner  uint64
	m      *segment.Mapping
	ring   *topics.Ring
	data   *wake.Bell
	room   *wake.Bell
	notify wake.Notifier
	waiter *wake.Waiter
	door   *door // the handle's; nil: it has none

	state    atomic.Uint32 // portOpen and its like
	mu       sync.Mutex    // held while closing, and while the handle's goroutine reaps a line
	revoked  bool          // guarded by mu
	shut     bool          // guarded by mu
	counts   bool          // frames can be lost
	marks    *topics.Marks // to count them by once the memory is gone; guarded by mu
	writable bool          // stamps may be written; for the handle's goroutine
	tried    bool          // to make the twin; for the handle's goroutine
	torn     error         // the memory fault that has told that a file was cut short; for the handle's goroutine
	borrowed int           // frames of a subscription that has left the topic, not yet released; for the handle's goroutine

	twin    atomic.Pointer[twin] // see takeLines; made and taken apart under mu
	mends   [2]*segment.Mend     // of the ring and of the bells
	finish  func(r *topics.Ring) // gives the handle's lines back; guarded by mu
	cleanup runtime.Cleanup
}

const (
	portOpen   = iota
	portMended // memory was gone when it was touched; segment.Mapping.Mend stores it
	portClosed // by its Close or the Bus's
	portStale  // the segment was deleted or replaced, or its header overwritten
	portLost   // the lease is gone
	portCut    // the segment's file was cut short
)

// openPort maps a topic. writable is how much of the region, from its start, is mapped for writing: 0 nothing, 1 up to the stamps,
// 2 everything. It takes over the caller's reference to at, also when it fails. The caller holds b.mu.
func (b *Bus) openPort(at *attachment, e topics.Entry, writable int, s wake.Strategy, d *door) (p *port, err error) {
	p = &port{bus: b, at: at, entry: e, name: e.Name, writable: writable == 2, door: d}
	defer func() {
		if err != nil {
			p.unmap()
			_ = at.release()
			p = nil
		}
	}()
	areas, err := regionAreas(at.seg, e)
	if err != nil {
		return p, err
	}
	if writable > 0 {
		o, err := at.owner()
		if err != nil {
			return p, err
		}
		p.owner = uint64(o)
	}
	if p.m, err = at.seg.Map(e.Offset, e.Size, []int64{0, areas.Stamps, areas.Size}[writable]); err != nil {
		return p, outside(e, err)
	}
	err = segment.Guard(func() (err error) {
		p.ring, err = openRing(at.seg, p.m.Bytes(), e)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("%s: %w", at.seg.Path(), err)
	}
	p.ring.Self, p.ring.Kept = p.owner, &p.mu
	p.ring.Orphaned = func(group string, frames int) {
		b.log.Warn("a group's last member went with frames in hand", "topic", e.Name, "group", group, "frames", frames)
	}
	if err = p.bells(); err != nil {
		return p, err
	}
	if p.mends[0], err = p.m.Mend(&p.state); err == nil {
		p.mends[1], err = at.seg.MendBells(&p.state)
	}
	if err != nil { // all works without, as long as nobody cuts a file short
		b.log.Warn("a file that is cut short will end this program", "path", at.seg.Path(), "error", err)
	}
	p.waiter = wake.NewWaiter(p.notify, s)
	b.handles[p] = struct{}{}
	if writable > 0 {
		p.sweep() // of those who died while nobody stood on the topic
	}
	return p, nil
}

// regionAreas reads a region's geometry through a mapping of its first page.
func regionAreas(seg *segment.Segment, e topics.Entry) (topics.Areas, error) {
	m, err := seg.Map(e.Offset, int64(seg.PageSize()), 0)
	if err != nil {
		return topics.Areas{}, outside(e, err)
	}
	defer m.Close()
	var g topics.Geometry
	var page int
	err = segment.Guard(func() (err error) {
		g, page, err = topics.ReadGeometry(m.Bytes(), e.Size)
		return err
	})
	if err == nil && page != seg.PageSize() {
		err = fmt.Errorf("%w: the region's page size is %d, its segment's is %d", topics.ErrCorrupt, page, seg.PageSize())
	}
	if err != nil {
		return topics.Areas{}, fmt.Errorf("%s: topic %q: %w", seg.Path(), e.Name, err)
	}
	return g.Areas(page), nil
}

// openRing lays a ring over the mapped region of e.
func openRing(seg *segment.Segment, region []byte, e topics.Entry) (*topics.Ring, error) {
	r, err := topics.OpenRing(region)
	if err == nil && r.Made() != e.Made {
		err = fmt.Errorf("%w: the topic table says that it was made at %d, its region at %d", topics.ErrCorrupt, e.Made, r.Made())
	}
	if err != nil {
		return nil, err
	}
	r.Alive = func(o uint64) bool {
		alive, known := seg.Alive(segment.Owner(o))
		return alive || !known
	}
	return r, nil
}

// bells finds the topic's bells. Where they may not be written, waiting is by polling.
func (p *port) bells() (err error) {
	p.notify = p.bus.notifier
	if !p.at.seg.BellsWritable() {
		p.notify = wake.Poll(0)
	}
	p.data, p.room, err = p.at.topicBells(p.entry)
	return err
}

// ringBoth wakes all who sleep on the topic.
func (p *port) ringBoth() {
	if p.data != nil && p.at.seg.BellsWritable() {
		p.data.Ring(p.notify)
		p.room.Ring(p.notify)
	}
}

// void says whether the ring was taken away, so that what it says means nothing.
func (p *port) void() bool {
	s := p.state.Load()
	return s == portClosed || s == portMended || s == portCut
}

// holds says whether the handle may store into its lines: the ring is there, and as far as it knows so is its lease. Without that others have the lines.
func (p *port) holds() bool {
	s := p.state.Load()
	return s == portOpen || s == portStale
}

// gone is why the handle cannot be used any more, or nil.
func (p *port) gone(op string) error {
	switch p.state.Load() {
	case portClosed:
		return failKind(op, p.name, ErrClosed, "")
	case portStale:
		if _, gone := p.at.why(); gone != nil && !errors.Is(gone, segment.ErrDead) { // it is there, and damaged
			return fail(op, p.name, gone)
		}
		return &opError{op, p.name, ErrNoTopic, fmt.Errorf("the segment %s was deleted", p.at.seg.Path()), "open it again"}
	case portLost:
		lost, _ := p.at.why()
		return &opError{op, p.name, ErrClosed, fmt.Errorf("this process has lost its lease: %w", lost), "open the bus again"}
	case portCut:
		return p.cutShort(op)
	case portMended:
		return p.mended(op)
	}
	return nil
}

// setState changes the state of a port that is open, and wakes its goroutine.
func (p *port) setState(s uint32) {
	if p.state.CompareAndSwap(portOpen, s) || p.state.CompareAndSwap(portMended, s) {
		p.waiter.Poke()
	}
}

// close gives the lines back and lets go of everything. Nobody may be inside the handle's door.
func (p *port) close() error {
	err := p.shutDown()
	if p.entry.Ephemeral && p.owner != 0 {
		p.bus.freeDeserted()
	}
	return fail("close", p.name, err)
}

func (p *port) shutDown() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		return nil
	}
	p.shut = true
	p.cleanup.Stop()
	err := p.revoke()
	p.unmend()
	p.waiter.Close()
	unmap := func(m *segment.Mapping) { _ = m.Close() }
	runtime.AddCleanup(p, unmap, p.m)
	if t := p.twin.Load(); t != nil {
		runtime.AddCleanup(p, unmap, t.m)
	}
	b := p.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.handles, p)
	return errors.Join(err, p.at.release())
}

// unmap lets go of the memory.
func (p *port) unmap() error {
	p.unmend()
	if p.m == nil {
		return nil
	}
	return p.m.Close()
}

func (p *port) unmend() {
	for i, m := range p.mends {
		m.End()
		p.mends[i] = nil
	}
	if t := p.twin.Load(); t != nil {
		t.mend.End()
	}
}

// abandon lets go of a port that holds no line yet. The caller holds b.mu.
func (p *port) abandon() {
	p.shut = true
	p.waiter.Close()
	if p.owner != 0 {
		p.quiet(func() { p.at.giveBack(p.entry, p.ring) })
	}
	_ = p.unmap()
	delete(p.bus.handles, p)
	_ = p.at.release()
}

// collected is called when the garbage collector finds a handle that was not closed: what it holds must not hold others up.
func (p *port) collected() {
	if !p.bus.closed.Load() && p.state.Load() != portClosed { // closed: it was in a WaitSet then, and that was dropped
		p.bus.log.Warn("a publisher or subscriber was dropped without Close", "topic", p.name)
	}
	_ = p.close()
}

// closeElsewhere closes the handle from any goroutine, when its door has been shut: at once, or, if somebody is inside, that one does the rest on the way out.
func (p *port) closeElsewhere(inside bool) error {
	if inside {
		p.kill()
		return nil
	}
	return p.close()
}

// kill does what close does, from any goroutine and whoever is inside, except what others may not touch meanwhile.
func (p *port) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		return
	}
	if err := p.revoke(); err != nil {
		p.bus.log.Error("taking back a mapping", "topic", p.name, "error", err)
	}
}

// revoke takes the memory away from under whoever uses the handle, and gives the lines back. The caller holds p.mu.
func (p *port) revoke() error {
	if p.revoked {
		return nil
	}
	p.revoked = true
	if p.counts && !p.void() {
		p.quiet(func() { p.marks = p.ring.Marks() })
	}
	p.state.Store(portClosed)
	p.waiter.Poke()
	m, r := p.aside()
	if r == p.ring {
		p.quiet(func() { p.leave(r) })
	}
	var twinErr error
	if t := p.twin.Load(); t != nil {
		twinErr = t.m.Revoke()
	}
	err := p.m.Revoke()
	if err == nil && r != p.ring {
		p.quiet(func() { p.leave(r) })
	}
	if m != nil {
		_ = m.Close()
	}
	return errors.Join(err, twinErr)
}

// leave gives the handle's lines back, through r.
func (p *port) leave(r *topics.Ring) {
	if p.owner != 0 {
		p.finish(r)
		p.ringBoth()
		p.at.giveBack(p.entry, r)
	}
}

// aside is a mapping that the handle's goroutine does not use, and the ring over it; where there can be none, the handle's own ring.
func (p *port) aside() (m *segment.Mapping, r *topics.Ring) {
	if p.owner == 0 {
		return nil, p.ring
	}
	m, err := p.at.seg.MapLazy(p.entry.Offset, p.entry.Size, p.entry.Size)
	if err == nil {
		r, err = p.ring.Over(m.Bytes())
	}
	if err != nil {
		return m, p.ring
	}
	return m, r
}
