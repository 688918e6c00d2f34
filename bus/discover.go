package bus

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"iter"
	"time"

	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// A Discovery is a topic that Discover has found.
type Discovery struct {
	TopicInfo
	// Later: it was not there when Discover was called. FromFirst then gives all its frames.
	Later bool
}

// Discover yields the topics on the bus whose names match says yes to, or all if match is nil, and then those that are made later, until ctx is done: then, and when
// the Bus is closed, it ends with an error. A topic that is made again comes again. Neither the directory nor a segment need be there. It
// needs no more than permission to read. Segments that cannot be read are an error, after which the loop may go on: it comes once, and again when they are others.
func (b *Bus) Discover(ctx context.Context, match func(name string) bool) iter.Seq2[Discovery, error] {
	return func(yield func(Discovery, error) bool) {
		const op = "look for topics"
		b.mu.Lock()
		if b.closed.Load() {
			b.mu.Unlock()
			yield(Discovery{}, failKind(op, "", ErrClosed, ""))
			return
		}
		watch := b.startWatch()
		b.mu.Unlock()
		w := wake.NewWaiter(b.notifier, wake.Block)
		defer w.Close()
		watch.enlist(w)
		defer watch.dismiss(w)
		d := discoverer{bus: b, match: match, yield: yield, seen: map[string]time.Time{}, told: map[string]bool{}}
		for torn := false; ; {
			was := b.tables() // before the look, so that what comes meanwhile ends the sleep
			if !d.look() {
				b.letGo(was)
				return
			}
			if torn {
				b.letGo(was)
				was.own = nil
			}
			err := b.sleepForTopics(ctx, w, was)
			b.letGo(was)
			torn = err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) // cut short: it is looked at once more, and not slept on
			if err != nil && !torn {
				yield(Discovery{}, fail(op, "", err))
				return
			}
			d.later = true
		}
	}
}

type discoverer struct {
	bus   *Bus
	match func(name string) bool
	yield func(Discovery, error) bool
	seen  map[string]time.Time // when the topic of that name was made
	told  map[string]bool      // errors
	later bool
}

// look yields what is new, and says whether to go on.
func (d *discoverer) look() bool {
	all, err := d.bus.Topics()
	if err != nil && (errors.Is(err, ErrClosed) || !d.told[err.Error()]) {
		d.told[err.Error()] = true
		if !d.yield(Discovery{}, err) || errors.Is(err, ErrClosed) {
			return false
		}
	}
	for _, t := range all {
		if d.seen[t.Name].Equal(t.Made) || d.match != nil && !d.match(t.Name) {
			continue
		}
		d.seen[t.Name] = t.Made
		if !d.yield(Discovery{t, d.later}, nil) {
			return false
		}
	}
	return true
}

// sleepForTopics sleeps until the topic tables are no longer as they were. ErrClosed: the Bus is closed.
func (b *Bus) sleepForTopics(ctx context.Context, w *wake.Waiter, was tables) error {
	changed := func() bool { return false }
	var bell *wake.Bell
	if at := was.own; at != nil {
		changed = func() bool { return at.table.Changes() != was.ownSum }
		if at.seg.BellsWritable() {
			bell = at.tableBell()
		}
	}
	for {
		now := b.tables()
		b.letGo(now)
		switch {
		case b.closed.Load():
			return ErrClosed
		case ctx.Err() != nil: // also while topics come and go
			return ctx.Err()
		case now.sum != was.sum:
			return nil
		}
		err := segment.Guard(func() error { return w.Wait(ctx, bell, changed, 2*rescan) }) // the watcher pokes sooner
		if err != nil {
			return err
		}
	}
}

// tables is how the topic tables of all segments were at some moment.
type tables struct {
	sum    uint64      // a hash
	own    *attachment // the configured segment, with a reference, or nil
	ownSum uint64
}

func (b *Bus) tables() (t tables) {
	b.mu.Lock()
	defer b.mu.Unlock()
	names, err := segment.List(b.dir)
	if err != nil || b.closed.Load() {
		return t
	}
	h := fnv.New64a()
	for _, name := range names {
		at, err := b.attach(name, segment.ReadOnly)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				fmt.Fprint(h, name)
			}
			continue
		}
		var sum uint64
		_ = segment.Guard(func() error { sum = at.table.Changes(); return nil })
		fmt.Fprint(h, at.seg.Nonce(), sum)
		if name == b.config.segment {
			t.own, t.ownSum = at, sum
		} else {
			_ = at.release()
		}
	}
	t.sum = h.Sum64()
	return t
}

func (b *Bus) letGo(t tables) {
	if t.own != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		_ = t.own.release()
	}
}

// FromFirst starts with the topic's very first frame; those that have been overwritten since count as lost. It is for topics that were made
// while one was there, see Discover. A lossless subscription starts with the oldest frame there is, and counts those before it in the same way.
func FromFirst() SubscribeOption { return from(topics.First(), 0) }
