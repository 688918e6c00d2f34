package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"time"

	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// How a Subscriber comes to a topic, and leaves one that was removed.

// absent says whether err means that the topic, its segment or the directory is not there, or not any more.
func absent(err error) bool { return errors.Is(err, ErrNoTopic) || errors.Is(err, fs.ErrNotExist) }

// groupBusy is how long to wait for somebody who is making or giving back the group.
const groupBusy = time.Millisecond

// attach finds the topic and joins it. ctx bounds the wait for others who make or remove something, and so does Close on another goroutine.
func (s *Subscriber) attach(ctx context.Context, start topics.Start) error {
	const op = "subscribe to"
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.joinBy(cancel)
	defer s.joinBy(nil)
	err := s.attachNow(ctx, start)
	for errors.Is(err, topics.ErrGroupBusy) {
		select {
		case <-ctx.Done():
			err = fail(op, s.topic, ctx.Err())
		case <-time.After(groupBusy):
			err = s.attachNow(ctx, start)
		}
	}
	if err != nil && s.door.isShut() {
		err = failKind(op, s.topic, ErrClosed, "")
	}
	return err
}

// joinBy notes by what Close on another goroutine ends the wait of the one who joins the topic.
func (s *Subscriber) joinBy(cancel context.CancelFunc) {
	s.mu.Lock()
	s.joining = cancel
	s.mu.Unlock()
}

// attachNow is one attempt at attach, for which ctx is as for lock: ErrGroupBusy, and of who is unwilling ErrLockHeld and ErrTableHeld.
func (s *Subscriber) attachNow(ctx context.Context, start topics.Start) error {
	const op = "subscribe to"
	b := s.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() || s.door.isShut() {
		return failKind(op, s.topic, ErrClosed, "")
	}
	access, writable := segment.ReadWrite, 1
	if s.config.mode == topics.Tap {
		access, writable = segment.ReadOnly, 0
	}
	at, e, err := b.find(s.topic, access)
	if err != nil {
		return s.refused(op, err)
	}
	if s.config.mode != topics.Tap {
		var done func()
		if at, e, done, err = b.admit(ctx, at, e); err != nil {
			return s.refused(op, err)
		}
		defer done()
	}
	b.startWatch()
	o, err := b.openPort(at, e, writable, s.config.waiting, s.door)
	if err != nil {
		return fail(op, s.topic, err)
	}
	var r *topics.Reader
	err = segment.Guard(func() (err error) {
		if r, err = s.join(o, start); err == nil && s.borrows() {
			o.room.Ring(o.notify) // a publisher may have seen the cursor lower than it came to stand
		}
		return err
	})
	if err != nil {
		o.abandon()
		if errors.Is(err, topics.ErrNoLine) {
			taken := "all %d subscribers' places are taken"
			if s.config.mode == topics.Member {
				taken += ", of which a group takes one beside those of its members"
			}
			return &opError{
				op, s.topic, ErrLimit, fmt.Errorf(taken, o.ring.Geometry().Subscriptions),
				"close some, make the topic with a larger MaxSubscribers, or use ReadOnly",
			}
		}
		if errors.Is(err, topics.ErrCorrupt) {
			err = fmt.Errorf("%s: %w", at.seg.Path(), err)
		}
		return s.refused(op, err)
	}
	line, owner := r.Line(), o.owner
	o.counts = !s.borrows()
	o.finish = func(ring *topics.Ring) {
		if line >= 0 {
			ring.FinishReader(line, owner)
		}
	}
	o.cleanup = runtime.AddCleanup(s, (*port).collected, o)
	s.mu.Lock()
	s.port, s.r, s.ready = o, r, r.Ready
	o.waiter.Near, o.waiter.Most = nearing(r), o.mostOf(r)
	s.mu.Unlock()
	s.told, s.roomy = false, o.ring.Geometry().CellSize > large
	s.from, s.sure, s.probed, s.ebbs, s.ended, s.counted = 0, 0, 0, false, 0, r.Counted()
	s.slots = uint64(o.ring.Geometry().Slots)
	s.emptied = r.Position()
	s.owe(0)
	if start == s.config.start && s.config.mode != topics.Member {
		s.from = s.config.from
	}
	if s.door.isShut() { // whoever shut it may not have found this port to kill; it is closed on the way out
		return failKind(op, s.topic, ErrClosed, "")
	}
	return nil
}

// join makes the reader.
func (s *Subscriber) join(o *port, start topics.Start) (*topics.Reader, error) {
	if s.config.mode == topics.Member {
		return o.ring.NewMember(s.config.group, start, o.owner)
	}
	return o.ring.NewReader(s.config.mode, start, o.owner)
}

// refused says why the topic cannot be joined. The caller holds b.mu.
func (s *Subscriber) refused(op string, err error) error {
	e := fail(op, s.topic, err)
	o := (*opError)(nil)
	if !errors.As(e, &o) {
		return e
	}
	switch {
	case errors.Is(err, fs.ErrPermission) && s.config.mode != topics.Tap:
		if at, _, err := s.bus.find(s.topic, segment.ReadOnly); err == nil { // otherwise it may not even be read
			_ = at.release()
			o.hint = "it may be read: subscribe with ReadOnly"
		}
	case errors.Is(err, topics.ErrPolicy):
		o.cause = fmt.Errorf("%w: it overwrites, so nobody can keep all its frames", ErrPolicy)
		o.hint = "make the topic with PolicyLossless, or subscribe with Lossy"
	case errors.Is(err, topics.ErrNoTopic):
		o.hint = "publish to it or create it first, or subscribe with WaitForTopic"
	}
	return e
}

// await waits until the topic is there and joins it at its first frame.
func (s *Subscriber) await(ctx context.Context) error {
	const op = "wait for topic"
	b := s.bus
	b.mu.Lock()
	if b.closed.Load() {
		b.mu.Unlock()
		return failKind(op, s.topic, ErrClosed, "")
	}
	watch := b.startWatch()
	b.mu.Unlock()
	w := wake.NewWaiter(b.notifier, wake.Block)
	defer w.Close()
	watch.enlist(w)
	defer watch.dismiss(w)
	s.sleepBy(w)
	defer s.sleepBy(nil)
	s.config.from = 0 // another topic's positions
	for again := false; ; again = true {
		err := s.attach(ctx, topics.First())
		if !absent(err) {
			return err
		}
		if !s.told && s.config.onWait != nil {
			s.told = true
			s.config.onWait()
		}
		if err := s.sleepForTopic(ctx, w, again); err != nil {
			return fail(op, s.topic, err)
		}
	}
}

// sleepBy notes by what Close on another goroutine wakes the one who waits for the topic.
func (s *Subscriber) sleepBy(w *wake.Waiter) {
	s.mu.Lock()
	s.sleeper = w
	s.mu.Unlock()
}

// stopSleeping undoes what a WaitSet did that waited for the topic, if one did.
func (s *Subscriber) stopSleeping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unheard != nil {
		s.unheard()
		s.unheard, s.sleeper = nil, nil
	}
}

// sleepForTopic sleeps until something may have changed: the bell of the configured segment's table, a file event, the rescan.
func (s *Subscriber) sleepForTopic(ctx context.Context, w *wake.Waiter, again bool) error {
	b := s.bus
	never := func() bool { return false }
	b.mu.Lock()
	if b.closed.Load() || s.door.isShut() {
		b.mu.Unlock()
		return failKind("wait for topic", s.topic, ErrClosed, "")
	}
	at, err := b.attach(b.config.segment, segment.ReadOnly)
	b.mu.Unlock()
	if err != nil && !absent(err) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err != nil {
		return w.Wait(ctx, nil, never, 2*rescan)
	}
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		_ = at.release()
	}()
	bell := at.tableBell()
	if !at.seg.BellsWritable() {
		bell = nil
	}
	found := func() bool {
		_, err := at.table.Find(s.topic)
		return err == nil
	}
	// Of its own, for when the table is cut short: a fault is known by its mapping, which may go with the attachment.
	return segment.Guard(func() error {
		if again && found() {
			return w.Wait(ctx, nil, never, halfRemoved)
		}
		return w.Wait(ctx, bell, found, 2*rescan) // the watcher pokes sooner
	})
}

// halfRemoved is how long to wait for a topic that is in the table and marked removed: the one who removes it is at work, or it ended.
const halfRemoved = 10 * time.Millisecond

// again is what Receive does about an error: with WaitForTopic it waits for a topic that went, and returns nil when it is back.
func (s *Subscriber) again(ctx context.Context, err error) error {
	if !s.follows(err) {
		return err
	}
	s.detach()
	return s.await(ctx)
}

// follows says whether the subscription waits for another topic of the name after err.
func (s *Subscriber) follows(err error) bool {
	return s.config.wait && absent(err) && !s.bus.closed.Load()
}

// closing is err, or ErrClosed if it says that the topic is gone, and the subscription waits for no other only because the Bus is closed.
func (s *Subscriber) closing(err error) error {
	if s.config.wait && absent(err) && s.bus.closed.Load() {
		return failKind("receive from", s.topic, ErrClosed, "")
	}
	return err
}

// detach leaves a topic that is gone, keeping the counts.
func (s *Subscriber) detach() {
	if s.port == nil {
		return
	}
	s.settle()
	n := s.shelf.leave()
	if !s.borrows() {
		n = 0
	}
	p, keep := s.port, n > 0 && s.state.Load() != portClosed
	s.mu.Lock()
	s.port = nil
	if keep { // they stay as they are until they are released
		p.borrowed = n
		s.leaving = append(s.leaving, p)
		s.owes = true
	}
	s.mu.Unlock()
	if !keep {
		_ = p.close()
	}
}

// returned notes that a frame was released of a topic that has been left; with the last one the topic is let go of.
func (s *Subscriber) returned(p *port) {
	if p.borrowed--; p.borrowed > 0 {
		return
	}
	_ = p.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = slices.DeleteFunc(s.leaving, func(q *port) bool { return q == p })
}

// detached is the error of a subscriber that stands on no topic now.
func (s *Subscriber) detached() error {
	if s.door.isShut() || s.bus.closed.Load() {
		return failKind("receive from", s.topic, ErrClosed, "")
	}
	return failKind("receive from", s.topic, ErrNoTopic, "")
}
