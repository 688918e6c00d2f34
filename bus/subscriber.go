package bus

import (
	"context"
	"errors"
	"iter"
	"time"

	"shmbus/internal/clock"
	"shmbus/internal/invariants"
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

	waited   uint64        // the position last waited at
	patience time.Duration // how long to sleep there before looking whether something is wrong

	pool   frameQueue // frames that can be used again
	oldest *Frame     // lossless: frames handed out and not released, by position
	newest *Frame

	from    uint64  // frames below it are not asked for
	leaving []*port // topics that were left with frames still held
	stuckAt uint64  // where TryReceive was last held up, and since when
	stuck   int64
	told    bool // that the topic is waited for, to OnWait
	clock   clock.Clock

	lost     uint64 // by earlier attachments
	received uint64
	counted  uint64 // lost by this one, as known when the memory was last seen to be the topic's
}

// Subscribe opens a subscription. ctx bounds the waiting of WaitForTopic; it does not end the subscription. Errors: ErrNoTopic,
// ErrPolicy (Lossless on a topic that overwrites), ErrLimit (all subscribers' places are taken), ErrCorrupt, ErrVersion, ctx's.
func (b *Bus) Subscribe(ctx context.Context, topic string, opts ...SubscribeOption) (*Subscriber, error) {
	s := &Subscriber{bus: b, topic: topic, config: subscribeConfig{mode: topics.Lossy}}
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

// Topic is the topic's name.
func (s *Subscriber) Topic() string { return s.topic }

// Receive waits for the next frame. Release it when it is no longer needed. Errors: ctx's, ErrNoTopic (the topic was removed; with
// WaitForTopic it waits for the next of that name instead), ErrClosed, ErrCorrupt.
func (s *Subscriber) Receive(ctx context.Context) (*Frame, error) {
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	for {
		f, err := s.try()
		if f != nil {
			return f, nil
		}
		if err == nil {
			if s.glance() {
				continue
			}
			err = s.wait(ctx)
		}
		if err != nil {
			if err = s.again(ctx, err); err != nil {
				return nil, err
			}
		}
	}
}

// glance looks a few more times for a frame, for less than a microsecond, before anything is stored or asked that others must fetch.
func (s *Subscriber) glance() bool {
	return s.config.waiting != wake.Block && s.r.Glance(32)
}

// TryReceive is the next frame if there is one, or nil and no error if there is none now. Errors are as for Receive; it never waits.
func (s *Subscriber) TryReceive() (*Frame, error) {
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	f, err := s.try()
	if f == nil && err == nil {
		s.idle()
		if err = s.gone("receive from"); err == nil {
			s.recoverNow()
		}
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
			use := f.uses
			more := yield(f, nil)
			if f.uses == use { // otherwise the loop has released it, and received it again
				f.Release()
			}
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
		f.uses++
		s.counted = s.r.Counted()
		if s.config.mode == topics.Gate {
			s.hold(f)
		}
		if f.info.Position >= s.from {
			return f, nil
		}
		f.release()
	}
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
// looks sooner, whether what holds it up is dead. In a long silence it looks less and less often: a look costs up to 0.3 ms, whatever
// is looked at, because the Go runtime wakes up with it. While nobody publishes there is nobody who could die before ringing: a
// publisher that opens rings.
const (
	sweepFirst = 250 * time.Millisecond
	sweepMost  = 900 * time.Millisecond
	sweepAlone = 10 * time.Second
	stuckEvery = 8 * time.Millisecond
)

// recoverNow is for those who look again and again: held up below the tail at the same place for a while, it gives back what the
// dead hold there.
func (s *Subscriber) recoverNow() {
	now, pos := s.clock.Now(), s.r.Position()
	if s.stuck == 0 || pos != s.stuckAt {
		s.stuckAt, s.stuck = pos, now
	}
	if now-s.stuck < int64(stuckEvery) {
		return
	}
	s.stuck = now
	if s.r.Lag() > 0 {
		s.recover(pos, -1)
	}
}

// wait waits for a frame, or for something else to happen. It does not look at the tail before it has waited in vain: publishers
// write that line for every frame.
func (s *Subscriber) wait(ctx context.Context) error {
	s.idle()
	if err := s.gone("receive from"); err != nil {
		return err
	}
	pos := s.r.Position()
	if pos != s.waited || s.patience == 0 {
		s.waited, s.patience = pos, stuckEvery
	}
	if err := s.waiter.Wait(ctx, s.data, s.ready, s.patience); err != nil {
		return fail("receive from", s.topic, err)
	}
	if s.ready() {
		return nil
	}
	switch {
	case s.r.Lag() > 0:
		s.patience = stuckEvery
		s.recover(pos, -1)
	case !s.ring.Written():
		s.patience = sweepAlone
	default:
		s.patience = min(max(2*s.patience, sweepFirst), sweepMost)
	}
	return nil
}

// Close leaves the topic. Frames still held must not be read any more. Closing twice is no error.
func (s *Subscriber) Close() error {
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	if s.ended {
		return nil
	}
	s.settle()
	s.ended = true
	var err error
	if s.port != nil {
		err = s.port.close(s.oldest != nil)
	}
	s.oldest, s.newest = nil, nil
	for _, p := range s.leaving {
		err = errors.Join(err, p.close(true))
	}
	s.leaving = nil
	return err
}
