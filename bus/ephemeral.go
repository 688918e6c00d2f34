package bus

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"shmbus/segment"
	"shmbus/topics"
)

// What frees itself. An ephemeral topic is removed when the last who had a publisher or a subscription on it has closed it or died; an
// ephemeral segment, with all its topics, when the last Bus that had joined it has. Whoever leaves last does it, or, after a death,
// whoever on the bus notices it, which may take some seconds where nobody else has the segment open, or comes there next.
//
// Joining and removing exclude each other by the locks of the directory and of the topic table, so nobody joins what is just being removed. Only what is
// ephemeral pays for that.

// freePatience is how long Close waits for the directory's lock to remove what is deserted. Others remove what it has left.
const freePatience = time.Second

// admit is for those who are about to join a topic: it makes sure that it is not just being removed because it is deserted, until they
// call done. It takes over the caller's reference to at, and gives one. ErrRemoved: it was deserted, and is gone. The caller holds
// b.mu, which is let go of for a while. ctx is that of lock and inTurn.
func (b *Bus) admit(ctx context.Context, at *attachment, e topics.Entry) (_ *attachment, _ topics.Entry, done func(), err error) {
	if !e.Ephemeral && !at.seg.Ephemeral() {
		return at, e, func() {}, nil
	}
	_ = at.release()
	name := e.Name
	err = b.inTurn(ctx, func() error {
		unlock, err := b.lock(ctx)
		if err != nil {
			return err
		}
		b.free()
		if at, e, err = b.find(name, segment.ReadWrite); err != nil {
			unlock()
			return err
		}
		open, err := at.seg.LockTable()
		if err != nil {
			_ = at.release()
			unlock()
			return err
		}
		done = func() { open(); unlock() }
		return nil
	})
	switch {
	case errors.Is(err, topics.ErrNoTopic), errors.Is(err, segment.ErrDead), errors.Is(err, fs.ErrNotExist): // the last: with its whole directory
		return nil, e, nil, topics.ErrRemoved
	case err != nil:
		return nil, e, nil, err
	}
	return at, e, done, nil
}

// deserted is the ephemeral topics of the segment on which nobody is any more; all says that nobody is on the segment, and it is
// ephemeral.
func (at *attachment) deserted() (gone []topics.Entry, all bool) {
	if at.seg.Ephemeral() && at.participant == nil && !at.joined() && !at.denied {
		gone, _ = at.table.All() // what makes no sense is not removed
		return gone, true
	}
	for _, e := range at.table.Ephemeral() {
		_ = at.look(e, func(r *topics.Ring) {
			if r.Deserted() {
				gone = append(gone, e)
			}
		})
	}
	return gone, false
}

// free removes what is deserted of what the Bus has open for writing, but where somebody else makes or removes something just now, who will. The
// caller holds the directory's lock and b.mu.
func (b *Bus) free() {
	for _, at := range b.writable() {
		err := segment.Guard(func() error {
			if gone, all := at.deserted(); len(gone) == 0 && !all {
				return nil
			}
			done, err := at.seg.LockTable()
			if errors.Is(err, segment.ErrTableHeld) || err != nil && at.seg.Stale() {
				return nil
			}
			if err != nil {
				return err
			}
			defer done()
			gone, all := at.deserted() // nobody comes or goes by the table now
			for _, e := range gone {
				if err := at.retire(e); err != nil {
					return err
				}
			}
			if all {
				err = b.removeFiles(at)
				at.denied = errors.Is(err, fs.ErrPermission) // once is enough
			}
			return err
		})
		if err != nil {
			b.log.Warn("removing what nobody holds", "path", at.seg.Path(), "error", err)
		}
	}
}

// writable is the segments that the Bus has open for writing, and not only for looking. The caller holds b.mu.
func (b *Bus) writable() []*attachment {
	all := make([]*attachment, 0, len(b.open))
	for _, at := range b.open {
		if !at.visited {
			all = append(all, at)
		}
	}
	return all
}

// freeWithin is free for those who do not have the directory's lock, which it takes only if there is something to be removed. The caller
// holds b.mu, which is let go of for a while.
func (b *Bus) freeWithin(patience time.Duration) {
	found := false
	for _, at := range b.writable() {
		_ = segment.Guard(func() error {
			gone, all := at.deserted()
			found = found || all || len(gone) > 0
			return nil
		})
	}
	if !found {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	unlock, err := b.lockWithin(ctx)
	if err != nil {
		b.log.Info("what nobody holds is left to others", "error", err)
		return
	}
	defer unlock()
	b.free()
}

// meet opens the ephemeral segments on the bus that this Bus has not opened, so that they are removed when their last participant has died. Those stay open: to
// close a lease file is a hint at a death.
func (b *Bus) meet() {
	b.mu.Lock()
	defer b.mu.Unlock()
	names, err := b.segments("look for what nobody holds")
	if err != nil {
		return // the next look may tell
	}
	for _, name := range names {
		if at := b.open[name]; at != nil && !at.visited || !segment.IsEphemeral(b.dir, name) {
			continue
		}
		if at, err := b.attach(name, segment.ReadWrite); err == nil {
			_ = at.release()
		}
	}
}

// freeDeserted removes what is deserted, when somebody has left or died.
func (b *Bus) freeDeserted() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed.Load() {
		b.freeWithin(freePatience)
	}
}
