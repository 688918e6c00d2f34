package topics

import (
	"cmp"
	"context"
	"errors"
	"runtime"

	"shmbus/internal/clock"
	"shmbus/internal/mem"
)

// ErrUntried: nothing was tried, because a claim is open or something else has to be looked at first.
var ErrUntried = errors.New("not tried")

// Publish publishes b as one raw frame, of the time that Clock tells: Claim, copying, Commit, and the look at the data bell in one. What is not for it,
// or is not done when the frame is out, it leaves to Rest, with ctx and why: Claim's errors; ErrUntried, if a claim is open or Stop is not 0; nil, if
// the frame is out, and Bell is not silent or Stop is not 0. Rest must not keep b.
//
// It is one function while a run grows, see grow.go, which on amd64 calls none but to leave for good: a call costs as much as ten stores, and what is kept over
// one costs two.
func (w *Writer) Publish(ctx context.Context, b []byte) error {
	t, line, control := w.next, w.line, w.control
	switch stop := w.Stop; {
	case len(b) != w.run.length, line.owner.Load() != w.owner, stop.Load() != 0:
		return w.publish(ctx, b)
	}
	next := t + 1
	line.claim.StoreRelease(next) // its length is 1, that of the claim before
	switch w.soleNow() {
	case w.key:
		if next == w.run.edge {
			return w.publishEdge(ctx, b)
		}
		control.tail.StoreRelease(next)
	case 0:
		if !control.tail.CompareAndSwap(t, next) {
			return w.publishAgain(ctx, b)
		}
		if control.head.Load()&positionMask == tombstone {
			return w.publishNowhere(ctx, b)
		}
		if next == w.run.edge {
			return w.passEdge(ctx, b)
		}
	default:
		return w.publishAgain(ctx, b)
	}
	w.next = next
	switch p := w.cells.First(t); {
	case len(b) == mem.Line:
		mem.CopyLine(p, b)
	case len(b) > 32:
		mem.Copy64(p, b)
	case len(b) >= 16:
		mem.Copy32(p, b)
	case len(b) >= 8:
		mem.Copy16(p, b)
	default:
		mem.Copy8(p, b)
	}
	w.run.grew(line, t)
	if !w.Bell.Silent() || w.Stop.Load() != 0 {
		return w.leave(ctx, b, nil)
	}
	return nil
}

// publish is Publish while no run grows.
//
// Most frames need one slot of up to 64 bytes and find room, and nobody has claimed since this writer did. For these it is one function, which on amd64
// calls none but to leave for good, once it has the time: a call costs as much as ten stores, and what is kept over one costs two.
func (w *Writer) publish(ctx context.Context, b []byte) error {
	if w.Clock != nil && w.time == 0 {
		return w.publishTimed(ctx, b)
	}
	if w.run.length >= 0 {
		return w.publishAnew(ctx, b)
	}
	r, control, line, t, n := w.ring, w.control, w.line, w.next, len(b)
	switch stop := w.Stop; {
	case n > w.short, t >= w.room, control.tail.Load() != t, line.owner.Load() != w.owner, w.claimed != 0, stop.Load() != 0, t >= w.taken:
		return w.publishOther(ctx, b)
	}
	line.announce(t, 1)
	if !w.advance(t, 1) {
		return w.publishAgain(ctx, b)
	}
	w.next = t + 1
	if control.head.Load()&positionMask == tombstone {
		return w.publishNowhere(ctx, b)
	}
	switch p := w.cells.First(t); {
	case n > 32:
		mem.CopyFresh64(p, b)
	case n >= 16:
		mem.Copy32(p, b)
	case n >= 8:
		mem.Copy16(p, b)
	default:
		mem.Copy8(p, b)
	}
	d := r.slots.At(t)
	w.describe(d, n, KindRaw, w.time)
	state := uint64(committed)
	if (n == w.length || anyLength) && w.streams && w.beginRun(t, n) {
		state = committedRun
	}
	w.length = n
	w.count(t, 1, uint64(n))
	d.stamp.StoreRelease(makeStamp(t, 1, r.mask, state))
	line.bytes.StoreRelease(makeBytes(w.sent, w.number, w.run.each()))
	w.line.claim.StoreRelease(0)
	if t%ahead == 0 && w.run.length < 0 || w.takesNext {
		return w.publishAhead(ctx, b, t)
	}
	if !w.Bell.Silent() || w.Stop.Load() != 0 {
		return w.leave(ctx, b, nil)
	}
	return nil
}

// mostShort is how many bytes of a frame Publish copies by itself, at most.
const mostShort = 64

// leave leaves it to Rest, which keeps nothing of b. What else is done before the frame is out takes time, and so the time is not kept.
//
//go:noinline
func (w *Writer) leave(ctx context.Context, b []byte, err error) error {
	w.time = 0
	err = w.Rest(ctx, mem.Hide(b), err)
	runtime.KeepAlive(b)
	return err
}

// now is the time of a frame, which is not 0.
func (w *Writer) now() int64 { return cmp.Or(clock.Now(w.Clock), 1) }

// publishTimed is Publish with a time.
func (w *Writer) publishTimed(ctx context.Context, b []byte) error {
	w.time = w.now()
	err := w.publish(ctx, b)
	w.time = 0
	return err
}

// publishAnew is Publish with what cannot become part of the run that grows.
func (w *Writer) publishAnew(ctx context.Context, b []byte) error {
	w.endRun()
	return w.publish(ctx, b)
}

// publishAhead is the end of Publish for every fourth frame, when it asks for the lines of several frames to come, and for those of who takes the next frame's line.
func (w *Writer) publishAhead(ctx context.Context, b []byte, t uint64) error {
	if w.takesNext {
		mem.TakeFirstUnchanged(&w.cells, t+1)
	}
	if t%ahead == 0 {
		w.expectMany(t)
	}
	return w.published(ctx, b)
}

// published is the end of Publish, which has it written out: as a call it would cost more than it does.
func (w *Writer) published(ctx context.Context, b []byte) error {
	if !w.Bell.Silent() || w.Stop.Load() != 0 {
		return w.leave(ctx, b, nil)
	}
	return nil
}

// publishNowhere is Publish on a removed topic.
func (w *Writer) publishNowhere(ctx context.Context, b []byte) error {
	w.endRun()
	w.closeClaim()
	return w.leave(ctx, b, ErrRemoved)
}

// publishAgain is Publish after another writer's claim came in between.
func (w *Writer) publishAgain(ctx context.Context, b []byte) error {
	w.closeClaim()
	w.endRun()
	w.stepAside(0)
	return w.publishOther(ctx, b)
}

// publishOther is Publish for all frames.
func (w *Writer) publishOther(ctx context.Context, b []byte) error {
	if w.claimed != 0 || w.Stop.Load() != 0 {
		return w.leave(ctx, b, ErrUntried)
	}
	if err := w.Claim(len(b)); err != nil {
		return w.leave(ctx, b, err)
	}
	if err := w.Fill(b, KindRaw, w.time); err != nil {
		return w.leave(ctx, b, err)
	}
	return w.published(ctx, b)
}

// Fill copies b into the claimed frame, which must have room for it, and commits that.
func (w *Writer) Fill(b []byte, kind Kind, time int64) error {
	p, n := w.Payload(len(b)), 0
	if w.Large(len(b)) {
		n = max(0, len(b)-lastPart)
		mem.Copy(p[:n], b[:n])
		w.soon()
	}
	mem.Copy(p[n:], b[n:])
	return w.Commit(len(b), kind, time)
}

// lastPart is how many bytes of a large frame are still to be copied when it is announced: some 20 µs, as long as it takes to wake somebody.
const lastPart = 256 << 10

// Large says whether a frame of n bytes is announced: see Soon.
func (w *Writer) Large(n int) bool { return n >= w.large }

// Soon has f called while a frame of so many bytes or more is copied into its claim, shortly before it is committed.
func (w *Writer) Soon(bytes int, f func()) {
	w.large, w.soon = bytes, f
}
