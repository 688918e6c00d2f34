package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"runtime"
	"time"

	"shmbus/internal/invariants"
	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// A Subscriber receives the frames of one topic, in the one order in which all subscribers see them. It and its frames are for one
// goroutine at a time: a Frame's Release belongs to the Subscriber; hand on Clone's copies.
type Subscriber struct {
	*port
	bus    *Bus
	topic  string
	config subscribeConfig
	r      *topics.Reader
	ready  func() bool
	guard  invariants.Guard
	ended  bool // Close was called

	pool   frameQueue // frames that can be used again
	oldest *Frame     // lossless: frames handed out and not released, by position
	newest *Frame

	lost     uint64 // by earlier attachments
	received uint64
}

// Subscribe opens a subscription. ctx bounds the waiting of WaitForTopic; it does not end the subscription. Errors: ErrNoTopic,
// ErrPolicy (Lossless on a topic that overwrites), ErrLimit (all subscribers' places are taken), ErrCorrupt, ErrVersion, ctx's.
func (b *Bus) Subscribe(ctx context.Context, topic string, opts ...SubscribeOption) (*Subscriber, error) {
	s := &Subscriber{bus: b, topic: topic}
	for _, o := range opts {
		o(&s.config)
	}
	if err := topics.CheckName(topic); err != nil {
		return nil, fail("subscribe to", topic, err)
	}
	err := s.attach(s.config.start)
	if s.config.wait && absent(err) {
		err = s.await(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// absent says whether err means that the topic, its segment or the directory is not there, or not any more.
func absent(err error) bool { return errors.Is(err, ErrNoTopic) || errors.Is(err, fs.ErrNotExist) }

// attach finds the topic and joins it.
func (s *Subscriber) attach(start topics.Start) error {
	const op = "subscribe to"
	b := s.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return failKind(op, s.topic, ErrClosed, "")
	}
	access, writable := segment.ReadWrite, 1
	if s.config.mode == topics.Tap {
		access, writable = segment.ReadOnly, 0
	}
	at, e, err := b.find(s.topic, access)
	if err != nil {
		return subscribeError(op, s.topic, s.config.mode, err)
	}
	b.startWatch()
	o, err := b.openPort(at, e, writable, s.config.waiting)
	if err != nil {
		return fail(op, s.topic, err)
	}
	r, err := o.ring.NewReader(s.config.mode, start, o.owner)
	if err != nil {
		o.abandon()
		if errors.Is(err, topics.ErrNoLine) {
			return &opError{op, s.topic, ErrLimit, fmt.Errorf("all %d subscribers' places are taken", o.ring.Geometry().Subscriptions),
				"close some, make the topic with a larger MaxSubscribers, or use ReadOnly"}
		}
		return subscribeError(op, s.topic, s.config.mode, err)
	}
	line, owner := r.Line(), o.owner
	o.finish = func(ring *topics.Ring) {
		if line >= 0 {
			ring.FinishReader(line, owner)
		}
	}
	o.cleanup = runtime.AddCleanup(s, (*port).collected, o)
	s.port, s.r, s.ready = o, r, r.Ready
	return nil
}

func subscribeError(op, topic string, mode topics.Mode, err error) error {
	e := fail(op, topic, err)
	o := (*opError)(nil)
	if !errors.As(e, &o) {
		return e
	}
	switch {
	case errors.Is(err, fs.ErrPermission) && mode != topics.Tap:
		o.hint = "with permission to read only, subscribe with ReadOnly"
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
	for {
		err := s.attach(topics.First())
		if !absent(err) {
			return err
		}
		if err := s.sleepForTopic(ctx, w); err != nil {
			return fail(op, s.topic, err)
		}
	}
}

// sleepForTopic sleeps until something may have changed: the bell of the configured segment's table, a file event, the rescan.
func (s *Subscriber) sleepForTopic(ctx context.Context, w *wake.Waiter) error {
	b := s.bus
	b.mu.Lock()
	at, err := b.attach(b.config.segment, segment.ReadOnly)
	b.mu.Unlock()
	if err != nil {
		return w.Wait(ctx, nil, func() bool { return false }, rescan)
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
	return w.Wait(ctx, bell, found, rescan)
}

// Topic is the topic's name.
func (s *Subscriber) Topic() string { return s.topic }

// Receive waits for the next frame. Release it when it is no longer needed. Errors: ctx's, ErrNoTopic (the topic was removed; with
// WaitForTopic it waits for the next of that name instead), ErrClosed, ErrCorrupt.
func (s *Subscriber) Receive(ctx context.Context) (*Frame, error) {
	s.guard.Enter("a Subscriber")
	defer s.guard.Leave()
	for {
		f, err := s.try()
		if f != nil {
			return f, nil
		}
		if err == nil {
			err = s.wait(ctx)
		}
		if err != nil {
			if err = s.again(ctx, err); err != nil {
				return nil, err
			}
		}
	}
}

// TryReceive is the next frame if there is one, or nil and no error if there is none now. Errors are as for Receive; it never waits.
func (s *Subscriber) TryReceive() (*Frame, error) {
	s.guard.Enter("a Subscriber")
	defer s.guard.Leave()
	f, err := s.try()
	if f == nil && err == nil {
		s.idle()
		err = s.gone("receive from")
	}
	if absent(err) && s.config.wait && !s.bus.closed.Load() {
		s.detach()
		if err = s.attach(topics.First()); absent(err) {
			return nil, nil
		}
		if err == nil {
			return s.try()
		}
	}
	return f, err
}

// Frames is an iterator over Receive that releases each frame when the loop goes on. It ends with an error: ctx's when ctx is
// done.
func (s *Subscriber) Frames(ctx context.Context) iter.Seq2[*Frame, error] {
	return func(yield func(*Frame, error) bool) {
		for {
			f, err := s.Receive(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			more := yield(f, nil)
			f.Release()
			if !more {
				return
			}
		}
	}
}

// try is the next frame, or nil if there is none.
func (s *Subscriber) try() (*Frame, error) {
	if s.port == nil {
		return nil, s.detached()
	}
	if s.state.Load() == portClosed {
		return nil, s.gone("receive from")
	}
	for {
		f := s.pool.get()
		if f == nil {
			f = &Frame{sub: s}
		}
		var err error
		if s.config.mode == topics.Gate {
			f.data, err = s.r.Borrow(&f.info)
		} else {
			f.buf, err = s.r.Copy(&f.info, f.buf)
			f.data = f.buf
		}
		if err != nil {
			s.pool.put(f)
			if err == topics.ErrEmpty {
				return nil, nil
			}
			return nil, fail("receive from", s.topic, err)
		}
		if s.state.Load() == portClosed { // what was read may be zeros
			s.pool.put(f)
			return nil, s.gone("receive from")
		}
		f.port = s.port
		f.held = true
		if s.config.mode == topics.Gate {
			s.hold(f)
		}
		if f.info.Position >= s.config.from {
			return f, nil
		}
		f.release()
	}
}

// detached is the error of a subscriber that stands on no topic now.
func (s *Subscriber) detached() error {
	if s.ended || s.bus.closed.Load() {
		return failKind("receive from", s.topic, ErrClosed, "")
	}
	return failKind("receive from", s.topic, ErrNoTopic, "")
}

// idle stores what is due when there is nothing more to read: others wait for the cursor.
func (s *Subscriber) idle() {
	if s.config.mode == topics.Gate {
		if s.r.Store(s.cursor()) {
			s.room.Ring(s.notify)
		}
		return
	}
	s.r.Idle()
}

// How long a subscriber sleeps before it looks again by itself: the ringer may have died before it rang. Held up below the tail it
// looks sooner, whether what holds it up is dead.
const (
	sweepEvery = 250 * time.Millisecond
	stuckEvery = 8 * time.Millisecond
)

// wait waits for a frame, or for something else to happen.
func (s *Subscriber) wait(ctx context.Context) error {
	s.idle()
	if err := s.gone("receive from"); err != nil {
		return err
	}
	limit := sweepEvery
	stuck := s.r.Lag() > 0
	if stuck {
		limit = stuckEvery
	}
	pos := s.r.Position()
	if err := s.waiter.Wait(ctx, s.data, s.ready, limit); err != nil {
		return fail("receive from", s.topic, err)
	}
	if stuck && !s.ready() && s.r.Lag() > 0 && s.r.Position() == pos {
		s.recover(pos, -1)
	}
	return nil
}

// again is what Receive does about an error: with WaitForTopic it waits for a topic that went, and returns nil when it is back.
func (s *Subscriber) again(ctx context.Context, err error) error {
	if !absent(err) || !s.config.wait || s.bus.closed.Load() {
		return err
	}
	s.detach()
	if err := s.attach(topics.First()); !absent(err) {
		return err
	}
	return s.await(ctx)
}

// detach leaves a topic that is gone, keeping the counts.
func (s *Subscriber) detach() {
	if s.port == nil {
		return
	}
	s.lost += s.r.Lost()
	s.received += s.r.Received()
	held := s.oldest != nil
	s.oldest, s.newest = nil, nil
	_ = s.port.close(held)
	s.port = nil
}

// Lost is the exact number of frames that were overwritten before this subscription came to them, over all publishers. It is 0 for a
// lossless subscription. It counts what is known by now: frames lost at the end are counted once something later has been
// received or the ring has been seen empty.
func (s *Subscriber) Lost() uint64 {
	s.guard.Enter("a Subscriber")
	defer s.guard.Leave()
	if s.port == nil || s.state.Load() == portClosed {
		return s.lost
	}
	return s.lost + s.r.Lost()
}

// LostBy is Lost by publisher id, since the topic was last attached to. Frames of publishers that came and went unseen between two
// others on the same line are counted to the one before them; 0 stands for unknown.
func (s *Subscriber) LostBy() map[uint64]uint64 {
	s.guard.Enter("a Subscriber")
	defer s.guard.Leave()
	m := make(map[uint64]uint64)
	if s.port != nil && s.state.Load() != portClosed {
		s.r.LostBy(func(id, n uint64) { m[id] = n })
	}
	return m
}

// SubscriberStats is where a Subscriber stands.
type SubscriberStats struct {
	Position uint64 // of the next frame to be read
	Lag      uint64 // slots claimed by publishers and not read; above 0 with nothing to receive, a frame is being written
	Received uint64 // frames
	Lost     uint64 // frames
}

// Stats is where the subscription stands now. It is for the subscriber's goroutine.
func (s *Subscriber) Stats() SubscriberStats {
	st := SubscriberStats{Lost: s.Lost(), Received: s.received}
	if s.port != nil && s.state.Load() != portClosed {
		st.Position, st.Lag = s.r.Position(), s.r.Lag()
		st.Received += s.r.Received()
	}
	return st
}

// Close leaves the topic. Frames still held must not be read any more. Closing twice is no error.
func (s *Subscriber) Close() error {
	s.guard.Enter("a Subscriber")
	defer s.guard.Leave()
	if s.ended {
		return nil
	}
	s.ended = true
	if s.port == nil {
		return nil
	}
	if s.state.Load() != portClosed {
		s.lost += s.r.Lost()
		s.received += s.r.Received()
	}
	held := s.oldest != nil
	s.oldest, s.newest = nil, nil
	return s.port.close(held)
}
