package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"shmbus/internal/mem"
	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// lockPatience is how long making or removing a topic waits for others that do the same.
const lockPatience = 30 * time.Second

// CreateTopic makes a topic, and the bus directory and the segment if need be. If there is one of that name it must have the same
// policy (ErrPolicy); its other options stay as they are. Other errors: ErrName, ErrLimit (the topic table is full),
// ErrClosed, and that of a full file system. Of a topic that could not be made nothing is left, nor of a segment that was made for it.
func (b *Bus) CreateTopic(name string, o TopicOptions) error {
	const op = "create topic"
	return fail(op, name, segment.Guard(func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		at, _, err := b.ensure(op, name, o, true)
		if err != nil {
			return err
		}
		return at.release()
	}))
}

// ensure finds a topic or makes it, and gives its attachment with a reference. strict: an existing one must have the policy asked for.
// The caller holds b.mu, which is let go of for a while if the topic has to be made.
func (b *Bus) ensure(op, name string, o TopicOptions, strict bool) (*attachment, topics.Entry, error) {
	none := topics.Entry{}
	if b.closed.Load() {
		return nil, none, failKind(op, name, ErrClosed, "")
	}
	if err := topics.CheckName(name); err != nil {
		return nil, none, fail(op, name, err)
	}
	if strings.HasPrefix(name, reservedPrefix) && !b.config.reserved {
		return nil, none, failKind(op, name, ErrReserved, `take a name that does not begin with "`+reservedPrefix+`"; reading is open to all`)
	}
	g, err := o.geometry()
	if err != nil {
		return nil, none, fail(op, name, err)
	}
	at, e, have, err := b.findLive(name)
	if errors.Is(err, topics.ErrNoTopic) {
		at, e, have, err = b.createAmidRemovals(name, g, o.Ephemeral)
	}
	if err != nil {
		return nil, none, fail(op, name, err)
	}
	if strict && have != o.Policy {
		_ = at.release()
		return nil, none, &opError{
			op, name, ErrPolicy, fmt.Errorf("it exists and is %v, not %v", have, o.Policy),
			"use it as it is, or remove it first",
		}
	}
	return at, e, nil
}

// findLive is find for those who make topics, and says the topic's policy. A topic that is being removed, or was when its remover
// ended, or that is deserted, is not there. The caller holds b.mu.
func (b *Bus) findLive(name string) (at *attachment, e topics.Entry, p Policy, err error) {
	at, e, err = b.find(name, segment.ReadWrite)
	if err != nil {
		return nil, e, p, err
	}
	removed := false
	err = at.look(e, func(r *topics.Ring) {
		removed = isOver(e, r)
		p = r.Geometry().Policy
	})
	if err == nil && removed {
		err = topics.ErrNoTopic
	}
	if err != nil {
		_ = at.release()
		return nil, e, p, err
	}
	return at, e, p, nil
}

// isOver says whether a topic is being removed, or is to be.
func isOver(e topics.Entry, r *topics.Ring) bool {
	_, removed := r.Head()
	return removed || e.Ephemeral && r.Deserted()
}

// create makes a topic under the directory's lock, unless somebody else has meanwhile. The caller holds b.mu, which is let go of
// while the lock is waited for.
func (b *Bus) create(name string, g topics.Geometry, ephemeral bool) (*attachment, topics.Entry, Policy, error) {
	none := topics.Entry{}
	if err := segment.MakeDir(b.dir, b.config.files); err != nil {
		return nil, none, 0, err
	}
	unlock, err := b.lock(context.Background())
	if err != nil {
		return nil, none, 0, err
	}
	defer unlock()
	b.free()
	at, e, have, err := b.findLive(name)
	if !errors.Is(err, topics.ErrNoTopic) {
		return at, e, have, err
	}
	if err := b.finishRemoval(name); err != nil {
		return nil, none, 0, err
	}
	at, err = b.attach(b.config.segment, segment.ReadWrite)
	first := errors.Is(err, fs.ErrNotExist)
	if first {
		var seg *segment.Segment
		if seg, err = segment.Create(b.dir, b.config.segment, b.config.files); err == nil {
			at, err = b.adopt(seg, segment.ReadWrite)
		}
	}
	if err != nil {
		return nil, none, 0, err
	}
	err = segment.Guard(func() error {
		done, err := at.seg.LockTable()
		if err != nil {
			return err
		}
		defer done()
		err = segment.Guard(func() (err error) { e, err = at.create(name, g, ephemeral); return err })
		if err != nil && first && !errors.Is(err, fs.ErrExist) {
			if bad := b.removeIdle(at); !errors.Is(bad, errHeldAgain) {
				err = errors.Join(err, bad)
			}
		}
		return err
	})
	if err != nil {
		_ = at.release()
		return nil, none, 0, err
	}
	at.ringTable()
	b.log.Info("topic made", "topic", name, "path", at.seg.Path(), "policy", g.Policy, "slots", g.Slots, "cell", g.CellSize)
	return at, e, g.Policy, nil
}

// finishRemoval takes the name out of the table if a process ended between marking the topic removed and that. The caller holds the
// directory's lock and b.mu, and has found no live topic of that name.
func (b *Bus) finishRemoval(name string) error {
	at, e, err := b.find(name, segment.ReadWrite)
	if errors.Is(err, topics.ErrNoTopic) {
		return nil
	}
	if err != nil {
		return err
	}
	defer at.release()
	done, err := at.seg.LockTable()
	if err != nil {
		return err
	}
	defer done()
	over := false
	err = at.look(e, func(r *topics.Ring) { over = isOver(e, r) })
	if err == nil && !over {
		err = fmt.Errorf("%s: somebody has come to the topic meanwhile: %w", at.seg.Path(), fs.ErrExist)
	}
	if err != nil {
		return err
	}
	return at.retire(e)
}

// create appends a region, formats it and publishes it in the table. The caller holds the locks of the directory and of the table.
func (at *attachment) create(name string, g topics.Geometry, ephemeral bool) (topics.Entry, error) {
	none := topics.Entry{}
	if at.seg.Ephemeral() {
		if _, err := at.owner(); err != nil { // who makes a topic in it holds it
			return none, err
		}
	}
	if _, err := at.table.Find(name); err == nil {
		return none, fmt.Errorf("%s: the topic was made meanwhile: %w", at.seg.Path(), fs.ErrExist)
	}
	at.sweepRetired()
	if err := at.table.Free(); err != nil {
		return none, err
	}
	end, err := at.seg.RegionsEnd()
	if err == nil {
		err = at.table.Within(end)
	}
	if err != nil {
		return none, fmt.Errorf("%s: %w", at.seg.Path(), err)
	}
	at.giveBackUnpublished(end)
	size := g.Areas(at.seg.PageSize()).Size
	now := time.Now().UnixNano()
	off, err := at.seg.Grow(size, func(region []byte) error { return topics.Format(region, g, at.seg.PageSize(), now) })
	if err != nil {
		return none, err
	}
	return at.table.Publish(name, off, size, now, ephemeral)
}

// giveBackUnpublished gives back the memory of regions whose makers ended before the table said so: they lie behind those of all topics that there ever
// were, up to end. The table may be damaged, so each has to say itself that nobody has ever come to it. Like that of a removed topic it keeps its
// geometry, by which the next one is found. The caller holds the table's lock and b.mu.
func (at *attachment) giveBackUnpublished(end int64) {
	for off := max(at.table.End(), at.seg.RegionsStart()); off < end; {
		a, err := at.unjoined(off)
		if err == nil {
			err = at.seg.Punch(off+a.Stamps, a.Size-a.Stamps)
		}
		if err != nil {
			at.bus.log.Warn("what lies behind the last topic is left as it is", "path", at.seg.Path(), "offset", off, "error", err)
			return
		}
		off += a.Size
	}
}

// unjoined is the areas of the region at off, if nobody has ever come to it.
func (at *attachment) unjoined(off int64) (a topics.Areas, err error) {
	b, err := at.window.Region(off, int64(at.seg.PageSize()))
	if err != nil {
		return a, err
	}
	err = segment.Guard(func() (err error) { a, err = topics.Unjoined(b); return err })
	return a, err
}

// ringTable wakes those who wait for a topic, in this segment by its bell, in any by a file event.
func (at *attachment) ringTable() {
	if err := at.seg.Touch(); err != nil {
		at.bus.log.Debug("no file event", "error", err) // they look by themselves, after some seconds
	}
	if bell := at.tableBell(); bell != nil {
		at.ring(bell)
	}
}

// ring rings bells, where they may be written. What was to be told of has been done: if the bell file was cut short, they who wait find it by looking.
func (at *attachment) ring(bells ...*wake.Bell) {
	if !at.seg.BellsWritable() {
		return
	}
	err := segment.Guard(func() error {
		for _, bell := range bells {
			bell.Ring(at.bus.notifier)
		}
		return nil
	})
	if err != nil {
		at.bus.log.Warn("nobody is woken", "error", err)
	}
}

// tableBell is the segment's own bell, or nil if there is no bell file.
func (at *attachment) tableBell() *wake.Bell {
	l, err := mem.View[wake.Line](at.seg.TableBell(), 0, 1)
	if err != nil {
		return nil
	}
	return &l[0].Bell
}

// lock takes the directory's lock. The caller holds b.mu; it is let go of meanwhile, because somebody else may have the lock for long,
// and so whatever the caller found before must be looked for again. ctx and closing the Bus end the wait; who is unwilling does not wait. ErrLockHeld: it took too long.
func (b *Bus) lock(ctx context.Context) (unlock func(), err error) {
	if ctx != unwilling {
		within, cancel := context.WithTimeoutCause(ctx, b.patience, fmt.Errorf("%w for %v", segment.ErrLockHeld, b.patience))
		defer cancel()
		defer context.AfterFunc(b.closing, cancel)()
		ctx = within
	}
	unlock, err = b.lockWithin(ctx)
	switch {
	case !b.closed.Load():
		return unlock, err
	case err == nil:
		unlock()
	}
	return nil, ErrClosed
}

// lockWithin is lock for a time that ctx bounds, also while the Bus is closed.
func (b *Bus) lockWithin(ctx context.Context) (unlock func(), err error) {
	b.mu.Unlock()
	defer b.mu.Lock()
	switch first := b.goFirst(ctx); {
	case !first && ctx == unwilling:
		return nil, segment.ErrLockHeld
	case !first:
		_, err = segment.LockDir(ctx, b.dir, b.config.files) // ctx has ended: this says who has the lock
		return nil, err
	}
	l, err := segment.TryLockDir(b.dir, b.config.files) // also if ctx has ended: it bounds the wait for others, and there may be none
	if ctx != unwilling && errors.Is(err, segment.ErrLockHeld) {
		l, err = segment.LockDir(ctx, b.dir, b.config.files)
	}
	if err != nil {
		<-b.making
		return nil, err
	}
	return func() {
		_ = l.Unlock()
		<-b.making
	}, nil
}

// goFirst takes b.making, unless ctx ends before, or another goroutine has it and ctx is unwilling.
func (b *Bus) goFirst(ctx context.Context) bool {
	select {
	case b.making <- struct{}{}:
		return true
	default:
	}
	if ctx == unwilling {
		return false
	}
	select {
	case b.making <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// ringTopic wakes all who sleep on a topic, where its bells may be written.
func (at *attachment) ringTopic(e topics.Entry) error {
	data, room, err := at.topicBells(e)
	if err == nil && data != nil {
		at.ring(data, room)
	}
	return err
}

// topicBells finds the bells of a topic; nil where the bell file may not be opened.
func (at *attachment) topicBells(e topics.Entry) (data, room *wake.Bell, err error) {
	area := at.seg.Bells()
	if len(area) == 0 {
		return nil, nil, nil
	}
	for _, bell := range []struct {
		to  **wake.Bell
		off int
	}{{&data, topics.DataBell}, {&room, topics.RoomBell}} {
		l, err := mem.View[wake.Line](area, e.Place*topics.BellStride+bell.off, 1)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %s: bells: %v", topics.ErrCorrupt, at.seg.Path(), err)
		}
		*bell.to = &l[0].Bell
	}
	return data, room, nil
}
