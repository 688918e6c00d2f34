package bus

import (
	"context"
	"errors"

	"shmbus/segment"
	"shmbus/topics"
)

// RemoveTopic removes a topic. Its publishers and subscribers get ErrNoTopic; those that wait for topics wait for it to be made
// again. What lossy subscriptions and taps have not received by then is lost, and Lost counts it; lossless ones and groups get what was published before. Its
// memory is given back when the last of them has let go. Errors: ErrNoTopic, ErrClosed.
func (b *Bus) RemoveTopic(name string) error {
	return fail("remove topic", name, segment.Guard(func() error { return b.removeTopic(name, false) }))
}

// removeTopic is RemoveTopic. idle: not if somebody living holds it, which is errHeldAgain.
func (b *Bus) removeTopic(name string, idle bool) error {
	const op = "remove topic"
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return failKind(op, name, ErrClosed, "")
	}
	if err := topics.CheckName(name); err != nil {
		return fail(op, name, err)
	}
	return fail(op, name, b.inTurn(context.Background(), func() error {
		at, _, err := b.find(name, segment.ReadWrite) // a look before the lock: reading never makes anything
		if err != nil {
			return err
		}
		_ = at.release()
		unlock, err := b.lock(context.Background())
		if err != nil {
			return err
		}
		defer unlock()
		at, e, err := b.find(name, segment.ReadWrite)
		if err != nil {
			return err
		}
		defer at.release() // also if the table is cut short meanwhile
		held := false
		if idle {
			err = at.look(e, func(r *topics.Ring) { held = r.InUse() })
		}
		switch {
		case err != nil:
			return err
		case held:
			return errHeldAgain
		}
		return at.remove(e)
	}))
}

// remove is retire for who does not have the table's lock yet.
func (at *attachment) remove(e topics.Entry) error {
	done, err := at.seg.LockTable()
	if err != nil {
		return err
	}
	defer done()
	return at.retire(e)
}

// retire marks a topic removed, takes its name out of the table and wakes all who wait on it or for it. The caller holds the locks of the directory and
// of the table, and b.mu.
func (at *attachment) retire(e topics.Entry) error {
	if !at.table.Is(e) {
		return nil // another one was quicker
	}
	log := at.bus.log.With("topic", e.Name, "path", at.seg.Path())
	m, err := at.seg.Map(e.Offset, e.Size, int64(at.seg.PageSize()))
	if err == nil {
		defer m.Close()
		err = segment.Guard(func() error {
			r, err := openRing(at.seg, m.Bytes(), e)
			if err == nil {
				r.Remove()
			}
			return err
		})
	}
	if err = outside(e, err); errors.Is(err, topics.ErrCorrupt) { // its place is not used again, but its name is
		log.Error("removing a corrupt topic", "error", err)
		err = nil
	}
	if err != nil {
		return err
	}
	at.table.Retire(e)
	_ = at.ringTopic(e) // the mark is made, whoever hears of it
	at.ringTable()
	at.sweepRetired()
	log.Info("topic removed")
	return nil
}

// sweepRetired gives back the regions of removed topics that nobody uses any more. The caller holds the table's lock.
func (at *attachment) sweepRetired() {
	for _, e := range at.table.Retired() {
		_ = at.look(e, func(r *topics.Ring) {
			if at.giveBack(e, r) {
				at.table.Release(e)
			}
		}) // one that cannot be looked at keeps its place
	}
}
