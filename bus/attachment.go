package bus

import (
	"errors"
	"fmt"
	"sync"

	"shmbus/segment"
	"shmbus/topics"
)

// An attachment is one opened segment, shared by the handles of a Bus that stand on it. It has one reference from the Bus's map,
// as long as it is there, and one from each handle.
type attachment struct {
	bus   *Bus
	seg   *segment.Segment
	table *topics.Table
	refs  int // guarded by bus.mu

	visited bool // nobody but visit has opened it; guarded by bus.mu
	denied  bool // its files are not for this process to remove, as it has found; guarded by bus.mu

	window *segment.Window // for looks at topics; guarded by bus.mu

	join        sync.Mutex
	participant *segment.Participant
	left        bool
	lost        error // why the lease is gone, as check has found
	gone        error // why the segment is, as setStale was told
}

// attach opens a segment, or gives the open one with a reference more. The caller holds b.mu.
func (b *Bus) attach(name string, access segment.Access) (*attachment, error) {
	at, err := b.reattach(name, access)
	if err == nil {
		at.visited = false
	}
	return at, err
}

// attached is the map of the attachments for an access. The caller holds b.mu.
func (b *Bus) attached(access segment.Access) map[string]*attachment {
	if access == segment.ReadWrite {
		return b.open
	}
	return b.taps
}

// reattach is attach, and does not say what the attachment is for. The caller holds b.mu.
func (b *Bus) reattach(name string, access segment.Access) (*attachment, error) {
	if at := b.attached(access)[name]; at != nil {
		gone := at.seg.Gone()
		if gone == nil && at.check() == nil && at.renew() {
			at.refs++
			return at, nil
		}
		if gone != nil {
			at.setStale(gone)
		}
		b.drop(at)
	}
	seg, err := segment.Open(b.dir, name, access)
	if err != nil {
		return nil, err
	}
	return b.adopt(seg, access)
}

// adopt makes an attachment of an opened segment, with a reference for the caller. The caller holds b.mu.
func (b *Bus) adopt(seg *segment.Segment, access segment.Access) (*attachment, error) {
	table, err := topics.OpenTable(seg.Table())
	if err != nil {
		_ = seg.Close()
		return nil, fmt.Errorf("%s: %w", seg.Path(), err)
	}
	at := &attachment{bus: b, seg: seg, table: table, refs: 2, window: seg.Window()}
	b.attached(access)[seg.Name()] = at
	b.log.Debug("segment opened", "path", seg.Path(), "access", access, "generation", seg.Generation())
	return at, nil
}

// whole says whether the part of the file is there that the attachment itself has mapped.
func (at *attachment) whole() bool {
	size, err := at.seg.Size()
	return err == nil && size >= at.seg.RegionsStart()
}

// renew is whole, and lets the looks that follow know how long the file is now. The caller holds b.mu.
func (at *attachment) renew() bool {
	size, err := at.window.Renew()
	return err == nil && size >= at.seg.RegionsStart()
}

// drop takes an attachment that is no longer good out of its map, so that the next look opens the segment anew. The caller holds
// b.mu.
func (b *Bus) drop(at *attachment) {
	for _, m := range []map[string]*attachment{b.open, b.taps} {
		if name := at.seg.Name(); m[name] == at {
			delete(m, name)
			_ = at.release()
		}
	}
}

// find looks for a topic in the segment: ErrNoTopic.
func (at *attachment) find(topic string) (e topics.Entry, err error) {
	err = segment.Guard(func() (err error) {
		if e, err = at.table.Find(topic); err == topics.ErrNoTopic {
			err = at.table.Mislaid(topic)
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", at.seg.Path(), err)
	}
	return e, err
}

// look gives f the ring of a topic, for reading, through a mapping that is kept for the next look. The ring is checked each time anew, and
// must not be used when f has returned. The caller holds b.mu.
func (at *attachment) look(e topics.Entry, f func(r *topics.Ring)) error {
	b, err := at.window.Region(e.Offset, e.Size)
	if err != nil {
		return outside(e, err)
	}
	return segment.Guard(func() error {
		r, err := openRing(at.seg, b, e)
		if err != nil {
			return fmt.Errorf("%s: topic %q: %w", at.seg.Path(), e.Name, err)
		}
		f(r)
		return nil
	})
}

// outside says of a topic whose region cannot be mapped because it does not lie in the segment that it is corrupt.
func outside(e topics.Entry, err error) error {
	if errors.Is(err, segment.ErrRange) {
		return fmt.Errorf("%w: topic %q: %w", topics.ErrCorrupt, e.Name, err)
	}
	return err
}

// release drops a reference. The caller holds b.mu.
func (at *attachment) release() error {
	if at.refs--; at.refs > 0 {
		return nil
	}
	return errors.Join(at.window.Close(), at.seg.Close())
}

// owner is this Bus's participant in the segment; it joins at the first call.
func (at *attachment) owner() (segment.Owner, error) {
	at.join.Lock()
	defer at.join.Unlock()
	if at.left {
		return 0, ErrClosed
	}
	if at.participant == nil {
		p, err := at.seg.Join()
		if err != nil {
			return 0, err
		}
		at.participant = p
	}
	return at.participant.Owner(), nil
}

// leave drops the participant's lease.
func (at *attachment) leave() error {
	at.join.Lock()
	defer at.join.Unlock()
	at.left = true
	if at.participant == nil {
		return nil
	}
	p := at.participant
	at.participant = nil
	return p.Leave()
}

// check says whether the lease is still held: a library that closes all descriptors takes it away.
func (at *attachment) check() error {
	at.join.Lock()
	defer at.join.Unlock()
	if at.participant == nil {
		return nil
	}
	err := at.participant.Check()
	if err != nil {
		at.lost = err
	}
	return err
}

// why is why the lease is gone, and why the segment is.
func (at *attachment) why() (lost, gone error) {
	at.join.Lock()
	defer at.join.Unlock()
	return at.lost, at.gone
}

// setStale notes that the segment is gone, and why.
func (at *attachment) setStale(why error) {
	at.join.Lock()
	first := at.gone == nil
	at.gone = why
	at.join.Unlock()
	if first {
		at.bus.log.Info("segment is no longer to be used", "path", at.seg.Path(), "error", why)
	}
}
