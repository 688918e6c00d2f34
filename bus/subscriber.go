package bus

import (
	"context"
	"errors"
	"sync"
	"time"

	"shmbus/internal/clock"
	"shmbus/internal/invariants"
	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// A Subscriber receives the frames of one topic, in the one order in which all subscribers see them. It and its frames are for one
// goroutine at a time, but for Close: a Frame's Release belongs to the Subscriber; hand on Clone's copies.
type Subscriber struct {
	*port
	bus    *Bus
	topic  string
	config subscribeConfig
	r      *topics.Reader
	ready  func() bool
	guard  invariants.Guard

	waited   uint64        // the position last waited at
	patience time.Duration // how long to sleep there before looking whether something is wrong

	emptied uint64 // the position where there was last nothing, or where it began

	shelf  shelf
	owes   bool // a release may have something to store
	streak int  // how many frames were read since there was none; 1 of another subscription than a lossless one
	alone  int  // how many came alone, each somewhat late, since more did
	late   bool // so did the last one that was dwelt for

	selfish, unwanted int     // how often not to yield any more, and how often it was not to after the last time
	pauses            int     // of the CPU, a microsecond; 0: it is the only one, and there is nothing to pause for
	slots             uint64  // of the ring
	sure              uint64  // frames below it are there, most likely
	ebbs              bool    // nothing has come since it last looked away: what is left is read without
	ended             uint64  // the tail after it last looked away, if little had come; 0 otherwise
	probed            uint64  // below it, there is no look at how far the stream has come
	slow              bool    // frames take long, and a publisher waits
	roomy             bool    // a frame of one slot may be large
	asked             int64   // when frames were last looked for while a publisher waited
	from              uint64  // frames below it are not asked for
	passed            uint64  // so many of them were read and passed over
	passing           int64   // since when that was done without a look at the context; 0: it was not
	leaving           []*port // topics that were left with frames still held
	stuckAt           uint64  // where TryReceive was last held up, and since when
	stuck             int64
	looked            int64 // when a member last looked for frames of dead ones
	told              bool  // that the topic is waited for, to OnWait
	clock             clock.Clock

	lost     uint64 // by earlier attachments
	received uint64
	counted  uint64 // lost by this one, as known when the memory was last seen to be the topic's

	door    *door
	mu      sync.Mutex   // of what the subscriber's goroutine changes, and Close on another one looks at: port, leaving, sleeper, unheard and joining
	sleeper *wake.Waiter // of one that waits for the topic
	unheard func() bool  // of one that does so in a WaitSet: the Bus's Close does not wake it any more

	joining context.CancelFunc // of one that is about to join the topic
}

// Subscribe opens a subscription. ctx bounds the waiting of WaitForTopic, and, where the topic or its segment is ephemeral, that for others who just make or
// remove something; it does not end the subscription. Errors: ErrNoTopic,
// ErrPolicy (Lossless on a topic that overwrites, or options that cannot be together), ErrLimit (all subscribers' places are taken), ErrCorrupt, ErrVersion, ctx's.
func (b *Bus) Subscribe(ctx context.Context, topic string, opts ...SubscribeOption) (*Subscriber, error) {
	s := &Subscriber{bus: b, door: new(door), topic: topic, config: subscribeConfig{mode: topics.Lossy}, pauses: pausesPerMicrosecond()}
	for _, o := range opts {
		o(&s.config)
	}
	if err := topics.CheckName(topic); err != nil {
		return nil, fail("subscribe to", topic, err)
	}
	if hint := s.config.settle(); hint != "" {
		return nil, failKind("subscribe to", topic, ErrPolicy, hint)
	}
	if s.config.mode == topics.Member {
		if err := topics.CheckGroup(s.config.group); err != nil {
			return nil, fail("subscribe to", topic, err)
		}
	}
	err := fail("subscribe to", topic, segment.Guard(func() error { return s.attach(ctx, s.config.start) }))
	if s.config.wait && absent(err) {
		err = fail("subscribe to", topic, segment.Guard(func() error { return s.await(ctx) }))
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Topic is the topic's name.
func (s *Subscriber) Topic() string { return s.topic }

// Receive waits for the next frame. Release it when it is no longer needed. ctx is looked at when it waits: a frame that is there is returned
// also when ctx is done. A lossless subscription that has come through 1024 slots of a stream, and has caught up, lets other threads have the CPU, where
// some wait for it, unless it is to spin. Errors: ctx's, ErrNoTopic (the topic was removed; with WaitForTopic it waits for the next of that name instead), ErrBusy
// (a member of a group has not released its frame), ErrClosed, ErrCorrupt. With WaitForTopic also those of Subscribe, when the next topic of that name is
// there and cannot be joined: ErrLimit (its places are taken), ErrPolicy. The subscription stays open then, and the next call tries again.
func (s *Subscriber) Receive(ctx context.Context) (f *Frame, err error) {
	if s.open() && s.shelf.some() {
		return s.next(), nil
	}
	return s.come(ctx)
}

// come is Receive when nothing was read ahead. What is not for every frame is not in Receive, so that it need not keep the context.
func (s *Subscriber) come(ctx context.Context) (f *Frame, err error) {
	if f = s.soon(); f != nil {
		return f, nil
	}
	if s.config.wait {
		return s.follow(ctx)
	}
	return s.guarded(ctx, nil)
}

// follow is Receive with WaitForTopic. What receive does not follow by itself is a memory fault, which says that the topic is gone.
func (s *Subscriber) follow(ctx context.Context) (f *Frame, err error) {
	for f == nil && (err == nil || s.follows(err)) {
		f, err = s.guarded(ctx, err)
	}
	return f, s.closing(err)
}

func (s *Subscriber) guarded(ctx context.Context, gone error) (f *Frame, err error) {
	if !s.door.enter() {
		return nil, s.detached()
	}
	defer s.goOut()
	defer s.fault("receive from", catchFaults(&err), &err)
	return s.receive(ctx, gone)
}

// receive is Receive; err is why the topic was left.
func (s *Subscriber) receive(ctx context.Context, err error) (*Frame, error) {
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	vain := 0
	for {
		if err != nil {
			if err = s.again(ctx, err); err != nil {
				return nil, err
			}
		}
		var f *Frame
		if f, err = s.try(s.looks()); f != nil {
			return f, nil
		}
		if err == errPassing {
			s.idle()
			err = fail("receive from", s.topic, ctx.Err())
		} else if err == nil {
			err = s.wait(ctx)
			if vain++; vain > 3 && err == nil { // whatever is ready, and is nothing, must not outlast the context
				err = fail("receive from", s.topic, ctx.Err())
			}
		}
	}
}

// TryReceive is the next frame if there is one, or nil and no error if there is none now. Errors are as for Receive. It never waits, but may look
// away for up to 2.5 microseconds close to the end of a stream, so as to leave its publisher alone.
func (s *Subscriber) TryReceive() (*Frame, error) {
	if s.open() && s.shelf.some() {
		return s.next(), nil
	}
	if f := s.now(); f != nil {
		return f, nil
	}
	f, err := s.guardedTry()
	if err != nil && s.follows(err) { // a memory fault, which says that the topic is gone
		s.detach()
		return nil, nil
	}
	return f, s.closing(err)
}

func (s *Subscriber) guardedTry() (f *Frame, err error) {
	defer s.fault("receive from", catchFaults(&err), &err)
	return s.tryReceive()
}

func (s *Subscriber) tryReceive() (*Frame, error) {
	if invariants.Enabled {
		s.guard.Enter("a Subscriber")
		defer s.guard.Leave()
	}
	f, err := s.tryThere()
	if f == nil && err == nil {
		s.idle()
		if err = s.gone("receive from"); err == nil {
			err = s.recoverNow()
		}
	}
	if err != nil && s.follows(err) {
		return s.tryNext()
	}
	return f, err
}

// tryNext is tryReceive when the topic is gone, and the next of that name is waited for.
func (s *Subscriber) tryNext() (*Frame, error) {
	if !s.door.enter() {
		return nil, s.detached()
	}
	defer s.goOut()
	s.detach()
	err := s.attachNow(unwilling, topics.First())
	switch {
	case absent(err) || errors.Is(err, topics.ErrGroupBusy) || errors.Is(err, segment.ErrLockHeld) || errors.Is(err, segment.ErrTableHeld):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return s.tryThere()
}

// idle stores what is due when there is nothing more to read: others wait for the cursor.
func (s *Subscriber) idle() {
	switch {
	case !s.holds():
	case s.config.mode == topics.Gate:
		if s.r.Store(s.cursor()) {
			s.room.Ring(s.notify)
		}
	case s.config.mode == topics.Lossy:
		s.r.Idle()
	}
}

// How long a subscriber sleeps before it looks again by itself: the ringer may have died before it rang. Held up below the tail it
// looks sooner, whether what holds it up is dead. In a long silence it looks less and less often: a look costs up to 0.3 ms, whatever
// is looked at, because the Go runtime wakes up with it. While nobody publishes there is nobody who could die before ringing: a
// publisher that opens rings. And where the system gives hints at deaths (see watcher), only a ringer that is stopped is looked out for.
const (
	sweepFirst = 250 * time.Millisecond
	sweepMost  = 900 * time.Millisecond
	sweepAlone = 10 * time.Second
	stuckEvery = 8 * time.Millisecond
)

// recoverNow is for those who look again and again: held up below the tail at the same place for a while, it gives back what the
// dead hold there.
func (s *Subscriber) recoverNow() error {
	now, pos := clock.Now(&s.clock), s.r.Position()
	if s.stuck == 0 || pos != s.stuckAt {
		s.stuckAt, s.stuck = pos, now
	}
	if now-s.stuck < int64(stuckEvery) {
		return nil
	}
	s.stuck = now
	return s.lookBehind(pos)
}

// lookBehind looks why there is no frame at pos: whether something is wrong there, or held by the dead.
func (s *Subscriber) lookBehind(pos uint64) error {
	err := s.r.Sound()
	if err == nil && s.r.Lag() > 0 {
		err = s.recover(pos, -1)
	}
	if err == nil || s.void() {
		return nil // closed: the next look says so
	}
	return s.explain(err)
}

// explain turns what the ring said into this package's errors.
func (s *Subscriber) explain(err error) error { return s.blame("receive from", err) }

// wait waits for a frame, or for something else to happen. It does not look at the tail before it has waited in vain: publishers
// write that line for every frame.
func (s *Subscriber) wait(ctx context.Context) error {
	s.idle()
	if err := s.gone("receive from"); err != nil {
		return err
	}
	pos := s.r.Position()
	if pos != s.waited || s.patience == 0 {
		s.patience = stuckEvery
		if pos-s.waited >= longStream {
			s.patience = lull
		}
		s.waited = pos
	}
	if err := s.waiter.Wait(ctx, s.data, s.ready, s.patience); err != nil {
		return fail("receive from", s.topic, err)
	}
	if s.ready() {
		return nil
	}
	switch s.patience = s.bus.nextLook(s.patience, s.ring.Written()); {
	case s.r.Lag() > 0:
		s.patience = stuckEvery
	case s.config.waiting == wake.Spin:
		s.patience = min(s.patience, sweepFirst) // it hears no bell, and a look costs nothing to who is awake
	}
	return s.lookBehind(pos)
}

// mostOf is for the waiter: how long a sleep may last of which so much is left. What wait has seen before the bell was armed may have changed since: a
// publisher that has opened rings once, and nobody rings for what is claimed. It does not keep the Subscriber, which the garbage collector may find.
func (p *port) mostOf(r *topics.Reader) func(left time.Duration) time.Duration {
	return func(left time.Duration) time.Duration {
		switch {
		case left <= stuckEvery: // as wait, it leaves the tail alone at first
			return left
		case r.Lag() > 0:
			return stuckEvery
		}
		return p.bus.longest(p.ring.Written())
	}
}

// nextLook is how long to sleep after a sleep of the length last in which nothing came, on a topic that may have publishers or has none.
func (b *Bus) nextLook(last time.Duration, written bool) time.Duration {
	most := b.longest(written)
	if !written {
		return most
	}
	return min(max(2*last, sweepFirst), most)
}

// longest is the longest sleep on a topic that may have publishers or has none.
func (b *Bus) longest(written bool) time.Duration {
	switch {
	case !written:
		return sweepAlone
	case b.hinted.Load():
		return sweepMost
	}
	return sweepFirst
}

// Close leaves the topic. Frames still held must not be read any more. Closing twice is no error. Any goroutine may call it: a call of
// another that waits returns ErrClosed soon, and so does one that is at work.
func (s *Subscriber) Close() error {
	if s.door.shut() { // who waits does the rest
		s.interrupt()
		return nil
	}
	return s.end()
}
