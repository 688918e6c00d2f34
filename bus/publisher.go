package bus

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"shmbus/internal/clock"
	"shmbus/internal/cpu"
	"shmbus/internal/invariants"
	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// A Publisher publishes frames on one topic. It is for one goroutine at a time, but for Close; open one for each goroutine. What it has published
// is read by all subscribers in the same order, also beside other publishers. Where others publish frame by frame at full speed too, one of its
// calls in 64 lets them go on alone for 4 µs, which makes all of them quicker; and if that comes again and again, it lets other threads have the CPU first, where
// some wait for it.
type Publisher struct {
	*port
	maxFrame int
	w        *topics.Writer // not 0, 8 or 32 bytes behind the beginning of a line: see topics.Writer
	loans    [8]Loan        // in turn, so that an old Loan's deferred Abort does not hit a newer one
	loan     *Loan          // the open one
	next     int
	early    earlyWake
	ready    func() bool
	recovery time.Time // when TryPublish last looked for the dead
	encoder  *encoder  // nil: there is none yet, or it is at work
	clock    clock.Clock
	asides   int   // how often in a row it has stepped aside before
	asideAt  int64 // when it last did
	guard    invariants.Guard
}

// Publisher opens a publisher on a topic, and makes the topic if need be, as WithTopic says. Errors: those of CreateTopic,
// ErrExclusive, ErrLimit (all publishers' places are taken), ErrPolicy, ErrCorrupt, ErrVersion.
func (b *Bus) Publisher(topic string, opts ...PublisherOption) (*Publisher, error) {
	const op = "open publisher on"
	var c publisherConfig
	for _, o := range opts {
		o(&c)
	}
	var p *Publisher
	err := segment.Guard(func() (err error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for {
			p, err = b.publisher(op, topic, c)
			if !errors.Is(err, topics.ErrRemoved) {
				return err
			} // it was removed between being found and being joined: it is made again
		}
	})
	return p, fail(op, topic, err)
}

// publisher makes one attempt at Publisher. The caller holds b.mu.
func (b *Bus) publisher(op, topic string, c publisherConfig) (*Publisher, error) {
	at, e, err := b.ensure(op, topic, c.topic, c.set)
	if err != nil {
		return nil, err
	}
	at, e, done, err := b.admit(context.Background(), at, e)
	if err != nil {
		return nil, err
	}
	defer done()
	b.startWatch()
	o, err := b.openPort(at, e, 2, wake.Adaptive, new(door))
	if err != nil {
		return nil, fail(op, topic, err)
	}
	var w *topics.Writer
	err = segment.Guard(func() (err error) {
		if w, err = o.ring.NewWriter(o.owner); err == nil {
			o.data.Ring(o.notify) // subscribers look more often from now on
		}
		return err
	})
	if err != nil {
		g := o.ring.Geometry()
		o.abandon()
		return nil, noPublisherLine(op, topic, g, err)
	}
	line, owner := w.Line(), o.owner
	o.finish = func(r *topics.Ring) { r.FinishWriter(line, owner) }
	g := o.ring.Geometry()
	p := &Publisher{port: o, w: w, maxFrame: g.MaxFrame(), ready: w.Ready}
	w.Stop, w.Bell, w.Rest = &o.state, wake.NewRinger(o.data, o.notify), p.rest
	w.Watch = &p.clock
	if !g.NoTime {
		w.Clock = &p.clock
	}
	for i := range p.loans {
		p.loans[i].p = p
	}
	if n := pausesPerMicrosecond(); n > 0 {
		w.Aside = func() { p.aside(asideFor * n) }
		if c.early {
			w.Soon(earlyFrom, p.soon)
		}
	}
	o.cleanup = runtime.AddCleanup(p, (*port).collected, o)
	return p, nil
}

// asideFor is for how many microseconds a publisher lets another one go on alone: as long as some 64 to 160 frames take.
const asideFor = 4

// Where there are more threads than CPUs, a subscriber may wait for the CPU of a publisher that is in another's way. So one that steps aside again and
// again lets others have it first, and gets it back after some milliseconds, perhaps. Who only meets another publisher now and then does not: between two
// times there must be less than asideSoon nanoseconds, in which two that publish at full speed meet, but two at a tenth of it seldom do.
const (
	asideSoon  = 32_000
	asideOften = 2
)

// aside lets another publisher go on alone.
func (p *Publisher) aside(pauses int) {
	if p.crowded(clock.Now(&p.clock)) {
		cpu.Yield()
	}
	cpu.Pause(uint32(pauses))
	p.asideAt = clock.Now(&p.clock)
}

// crowded says whether the publisher has stepped aside again and again up to now.
func (p *Publisher) crowded(now int64) bool {
	if p.asides++; uint64(now-p.asideAt) > asideSoon {
		p.asides = 0
	}
	return p.asides >= asideOften
}

func noPublisherLine(op, topic string, g topics.Geometry, err error) error {
	switch {
	case !errors.Is(err, topics.ErrNoLine):
		return fail(op, topic, err)
	case g.Exclusive:
		return failKind(op, topic, ErrExclusive, "close that publisher first, or make the topic without Exclusive")
	}
	return &opError{
		op, topic, ErrLimit, fmt.Errorf("all %d publishers' places are taken", g.Publishers),
		"close some, or make the topic with a larger MaxPublishers",
	}
}

// ID is the publisher's id, which Frame.Publisher tells subscribers. It is never used again on the topic.
func (p *Publisher) ID() uint64 { return p.w.ID() }

// Topic is the topic's name.
func (p *Publisher) Topic() string { return p.name }

// MaxFrame is the size of the largest frame in bytes.
func (p *Publisher) MaxFrame() int { return p.maxFrame }

// Publish copies b into the ring and publishes it. If there is no room it waits: on a lossless topic for the slowest lossless
// subscription, on any topic for a publisher that began a frame a lap ago and has not finished it. ctx is looked at when it waits.
// Errors: ctx's, ErrFrameTooLarge, ErrBusy (a loan is open), ErrNoTopic (removed), ErrClosed, ErrCorrupt.
func (p *Publisher) Publish(ctx context.Context, b []byte) error {
	if guarded {
		return p.publishGuarded(ctx, b)
	}
	return p.w.Publish(ctx, b)
}

// guarded says that calls are not as short as they can be: goroutines are counted, or each call has to recover from memory faults by itself.
const guarded = invariants.Enabled || !segment.Mends

// publishGuarded is Publish where goroutines are counted, or where whoever touches the ring has to recover from faults, as rest does.
func (p *Publisher) publishGuarded(ctx context.Context, b []byte) error {
	if invariants.Enabled {
		p.guard.Enter("a Publisher")
		defer p.guard.Leave()
	}
	if !segment.Mends {
		return p.rest(ctx, b, topics.ErrUntried)
	}
	return p.w.Publish(ctx, b)
}

// TryPublish is Publish for those who would rather not wait: ErrBackpressure if there is no room now.
func (p *Publisher) TryPublish(b []byte) error { return p.Publish(unwilling, b) }

// rest is Publish after what the Writer does of it; err is why that did not do all.
func (p *Publisher) rest(ctx context.Context, b []byte, err error) error {
	if err == nil && p.calm() {
		return nil
	}
	return p.publishSlowly(ctx, b, err)
}

// clear says that nothing is wrong with the handle that had to be looked at before it is used.
func (p *Publisher) clear() bool {
	state := p.state.Load()
	return segment.Mends && p.loan == nil && state == portOpen
}

// silent says that nobody sleeps, and that the handle is still open: then there is nothing to do after a commit.
func (p *Publisher) silent() bool {
	silent, state := p.w.Bell.Silent(), p.state.Load()
	return silent && state == portOpen
}

// calm is silent with a fence, for bells at which a look needs one.
func (p *Publisher) calm() bool { return p.w.Bell.Calm() && p.state.Load() == portOpen }

// told wakes whoever sleeps, and says whether the handle is still open. If it is not, the frame may not have got out.
func (p *Publisher) told() bool {
	p.late()
	p.w.Bell.Ring()
	return p.state.Load() == portOpen
}

func (p *Publisher) publishSlowly(ctx context.Context, b []byte, why error) (err error) {
	const op = "publish to"
	defer p.fault(op, catchFaults(&err), &err)
	return p.publish(ctx, op, b, topics.KindRaw, why)
}

// publish is Publish after an attempt that failed with err, or with none: then there is somebody to be told, or the handle is not open any more. op names what it is for in errors.
func (p *Publisher) publish(ctx context.Context, op string, b []byte, kind Kind, err error) error {
	if p.loan != nil || p.state.Load() != portOpen {
		return p.refuse(op)
	}
	if err == nil {
		return p.sent(op)
	}
	if err == topics.ErrUntried {
		err = p.w.Claim(len(b))
	}
	if err != nil {
		if err = p.claim(ctx, op, len(b), err); err != nil {
			return p.explain(op, len(b), err)
		}
	}
	if err = p.w.Fill(b, kind, p.now()); err != nil {
		return p.explain(op, len(b), err)
	}
	return p.sent(op)
}

// PublishBatch publishes ps in order, and says how many were published before an error. It claims once for many frames, up to a
// quarter of the ring, which is quicker than publishing them one by one; frames claimed together share their time. Those that follow each other, fit a
// slot, have the same length and no more than 128 bytes are quickest: up to 32 of them are seen together. Other
// publishers' frames may come in between. Errors are as for Publish.
func (p *Publisher) PublishBatch(ctx context.Context, ps [][]byte) (done int, err error) {
	defer p.fault("publish to", catchFaults(&err), &err)
	err = p.publishBatch(ctx, ps, &done)
	return done, err
}

func (p *Publisher) publishBatch(ctx context.Context, ps [][]byte, done *int) error {
	const op = "publish to"
	if invariants.Enabled {
		p.guard.Enter("a Publisher")
		defer p.guard.Leave()
	}
	if p.loan != nil || p.state.Load() != portOpen {
		return p.refuse(op)
	}
	for *done < len(ps) {
		next := ps[*done]
		n, err := p.w.Batch(ps[*done:], topics.KindRaw, p.now())
		if held(err) {
			// One frame's worth of room is waited for; then as many as fit go together again.
			size := len(next)
			if err = p.claim(ctx, op, size, err); err == nil {
				err, n = p.w.Fill(next, topics.KindRaw, p.now()), 1
			}
		}
		if err != nil {
			return p.explain(op, len(next), err)
		}
		*done += n
		if err := p.sent(op); err != nil {
			return err
		}
	}
	return nil
}

// Close frees the publisher's place; an open loan is aborted. Closing twice is no error. Any goroutine may call it: a call of another that
// waits for room returns ErrClosed soon, and so does one that is at work, of whose frame nobody knows then whether it got out.
func (p *Publisher) Close() error {
	return p.closeElsewhere(p.door.shut())
}

// now is the time for a frame's descriptor.
func (p *Publisher) now() int64 {
	if p.w.Clock == nil {
		return 0
	}
	return clock.Now(&p.clock)
}

// sent is told with an error.
func (p *Publisher) sent(op string) error {
	if !p.silent() && !p.told() {
		return p.gone(op)
	}
	return nil
}

// refuse says why no frame can be begun.
func (p *Publisher) refuse(op string) error {
	if err := p.gone(op); err != nil {
		return err
	}
	if p.loan == encodingLoan {
		return failKind(op, p.name, ErrBusy, "it is encoding a value; what runs for that has to publish by another publisher")
	}
	return failKind(op, p.name, ErrBusy, "commit or abort the loan first")
}

// explain turns what the ring said into this package's errors.
func (p *Publisher) explain(op string, n int, err error) error {
	switch {
	case p.void(): // then the ring was taken away, and what it says means nothing
		return p.gone(op)
	case held(err):
		return &opError{op, p.name, ErrBackpressure, fmt.Errorf("%w: %w", ErrBackpressure, err), "try again later, or use Publish, which waits"}
	case err == topics.ErrTooLarge:
		return tooLarge(op, p.name, n, p.maxFrame)
	}
	return p.blame(op, err)
}

func tooLarge(op, topic string, n, most int) error {
	return &opError{
		op, topic, ErrFrameTooLarge, fmt.Errorf("%w: %d bytes, at most %d fit in half the ring", ErrFrameTooLarge, n, most),
		"make the topic with more Slots or a larger CellSize",
	}
}
