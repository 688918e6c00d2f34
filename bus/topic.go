package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
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
// ErrClosed, and that of a full file system, which leaves nothing behind.
func (b *Bus) CreateTopic(name string, o TopicOptions) error {
	const op = "create topic"
	b.mu.Lock()
	defer b.mu.Unlock()
	at, e, err := b.ensure(op, name, o, true)
	if err != nil {
		return err
	}
	_ = e
	return at.release()
}

// ensure finds a topic or makes it, and gives its attachment with a reference. strict: an existing one must have the policy asked for.
// The caller holds b.mu.
func (b *Bus) ensure(op, name string, o TopicOptions, strict bool) (*attachment, topics.Entry, error) {
	none := topics.Entry{}
	if b.closed.Load() {
		return nil, none, failKind(op, name, ErrClosed, "")
	}
	if err := topics.CheckName(name); err != nil {
		return nil, none, fail(op, name, err)
	}
	g, err := o.geometry()
	if err != nil {
		return nil, none, fail(op, name, err)
	}
	at, e, err := b.find(name, segment.ReadWrite)
	if errors.Is(err, topics.ErrNoTopic) {
		at, e, err = b.create(name, g)
	}
	if err != nil {
		return nil, none, fail(op, name, err)
	}
	if strict {
		if err := b.samePolicy(op, at, e, o.Policy); err != nil {
			_ = at.release()
			return nil, none, err
		}
	}
	return at, e, nil
}

func (b *Bus) samePolicy(op string, at *attachment, e topics.Entry, want Policy) error {
	g, err := geometryOf(at.seg, e)
	if err != nil {
		return fail(op, e.Name, err)
	}
	if g.Policy != want {
		return &opError{op, e.Name, ErrPolicy, fmt.Errorf("it exists and is %v, not %v", g.Policy, want),
			"use it as it is, or remove it first"}
	}
	return nil
}

func geometryOf(seg *segment.Segment, e topics.Entry) (topics.Geometry, error) {
	m, err := seg.Map(e.Offset, int64(seg.PageSize()), 0)
	if err != nil {
		return topics.Geometry{}, err
	}
	defer m.Close()
	g, _, err := topics.ReadGeometry(m.Bytes(), e.Size)
	if err != nil {
		return g, fmt.Errorf("%s: topic %q: %w", seg.Path(), e.Name, err)
	}
	return g, nil
}

// create makes a topic under the directory's lock, unless somebody else has meanwhile.
func (b *Bus) create(name string, g topics.Geometry) (*attachment, topics.Entry, error) {
	none := topics.Entry{}
	if err := segment.MakeDir(b.dir, b.config.files); err != nil {
		return nil, none, err
	}
	unlock, err := b.lock()
	if err != nil {
		return nil, none, err
	}
	defer unlock()
	at, e, err := b.find(name, segment.ReadWrite)
	if !errors.Is(err, topics.ErrNoTopic) {
		return at, e, err
	}
	at, err = b.attach(b.config.segment, segment.ReadWrite)
	if errors.Is(err, fs.ErrNotExist) {
		var seg *segment.Segment
		if seg, err = segment.Create(b.dir, b.config.segment, b.config.files); err == nil {
			at, err = b.adopt(seg, segment.ReadWrite)
		}
	}
	if err != nil {
		return nil, none, err
	}
	if e, err = at.create(name, g); err != nil {
		_ = at.release()
		return nil, none, err
	}
	at.ringTable()
	b.log.Info("topic made", "topic", name, "path", at.seg.Path(), "policy", g.Policy, "slots", g.Slots, "cell", g.CellSize)
	return at, e, nil
}

// create appends a region, formats it and publishes it in the table. The caller holds the directory's lock.
func (at *attachment) create(name string, g topics.Geometry) (topics.Entry, error) {
	none := topics.Entry{}
	at.sweepRetired()
	if err := at.table.Free(); err != nil {
		return none, err
	}
	size := g.Areas(at.seg.PageSize()).Size
	off, err := at.seg.Grow(size)
	if err != nil {
		return none, err
	}
	m, err := at.seg.Map(off, size, size)
	if err != nil {
		return none, err
	}
	defer m.Close()
	now := time.Now().UnixNano()
	if err := topics.Format(m.Bytes(), g, at.seg.PageSize(), now); err != nil {
		return none, err
	}
	return at.table.Publish(name, off, size, now)
}

// sweepRetired gives back the regions of removed topics that nobody uses any more. The caller holds the directory's lock.
func (at *attachment) sweepRetired() {
	for _, e := range at.table.Retired() {
		m, err := at.seg.MapLazy(e.Offset, e.Size)
		if err != nil {
			continue
		}
		if r, err := openRing(at.seg, m); err == nil && r.Unused() {
			punch(at.seg, e, r.Areas())
			at.table.Release(e)
		}
		_ = m.Close()
	}
}

// ringTable wakes those who wait for a topic in the segment.
func (at *attachment) ringTable() {
	if bell := at.tableBell(); bell != nil && at.seg.BellsWritable() {
		bell.Ring(at.bus.notifier)
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

// lock takes the directory's lock.
func (b *Bus) lock() (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	l, err := segment.LockDir(ctx, b.dir, b.config.files)
	if err != nil {
		return nil, err
	}
	return func() { _ = l.Unlock() }, nil
}

// RemoveTopic removes a topic. Its publishers and subscribers get ErrNoTopic; those that wait for topics wait for it to be made
// again. Its memory is given back when the last of them has let go. Errors: ErrNoTopic, ErrClosed.
func (b *Bus) RemoveTopic(name string) error {
	const op = "remove topic"
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return failKind(op, name, ErrClosed, "")
	}
	if err := topics.CheckName(name); err != nil {
		return fail(op, name, err)
	}
	at, _, err := b.find(name, segment.ReadWrite) // a look before the lock: reading never makes anything
	if err != nil {
		return fail(op, name, err)
	}
	_ = at.release()
	unlock, err := b.lock()
	if err != nil {
		return fail(op, name, err)
	}
	defer unlock()
	at, e, err := b.find(name, segment.ReadWrite)
	if err != nil {
		return fail(op, name, err)
	}
	p, err := b.openPort(at, e, 2, wake.Block)
	if err != nil {
		return fail(op, name, err)
	}
	p.ring.Remove()
	at.table.Retire(e)
	p.ringBoth()
	at.ringTable()
	at.sweepRetired()
	p.abandon()
	b.log.Info("topic removed", "topic", name, "path", at.seg.Path())
	return nil
}

// Topics is every topic on the bus, by name. With no bus directory there are none. Segments that cannot be read are reported in the
// error, beside the topics of the others.
func (b *Bus) Topics() ([]TopicInfo, error) {
	const op = "list topics"
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return nil, failKind(op, "", ErrClosed, "")
	}
	names, err := segment.List(b.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fail(op, "", err)
	}
	var all []TopicInfo
	var bad []error
	for _, name := range names {
		at, err := b.attach(name, segment.ReadOnly)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			bad = append(bad, fail(op, "", err))
			continue
		}
		entries, err := at.table.All()
		if err != nil {
			bad = append(bad, fail(op, "", fmt.Errorf("%s: %w", at.seg.Path(), err)))
		}
		for _, e := range entries {
			s, err := at.stat(e, false)
			if err != nil {
				if at.table.Is(e) {
					bad = append(bad, fail(op, e.Name, err))
				}
				continue
			}
			all = append(all, s.TopicInfo)
		}
		_ = at.release()
	}
	slices.SortFunc(all, func(a, b TopicInfo) int { return strings.Compare(a.Name, b.Name) })
	return all, errors.Join(bad...)
}
