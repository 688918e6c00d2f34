package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"shmbus/segment"
	"shmbus/topics"
)

// How the segments of a bus are gone through.

// segments is the names of the segments on the bus; none where there is no directory. The caller holds b.mu.
func (b *Bus) segments(op string) ([]string, error) {
	if b.closed.Load() {
		return nil, failKind(op, "", ErrClosed, "")
	}
	names, err := segment.List(b.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, fail(op, "", err)
}

// preferred is names with the configured segment first.
func (b *Bus) preferred(names []string) []string {
	all := make([]string, 0, len(names)+1)
	for _, n := range names {
		if n == b.config.segment {
			all = append(all, n)
		}
	}
	for _, n := range names {
		if n != b.config.segment {
			all = append(all, n)
		}
	}
	return all
}

// eachSegment gives f the segments one after the other, to be looked at. One that cannot be opened is given to unopened, unless it has just
// gone. Errors are collected; a nil unopened returns what it gets. A file that is cut short amid the look is an error. The caller holds b.mu.
func (b *Bus) eachSegment(op string, a segment.Access, f func(*attachment) error, unopened func(name string, err error) error) error {
	names, err := b.segments(op)
	if err != nil {
		return err
	}
	var bad []error
	for _, name := range b.preferred(names) {
		at, err := b.visit(name, a)
		switch {
		case err == nil:
			bad = append(bad, fail(op, "", segment.Guard(func() error { return f(at) })), at.release())
		case errors.Is(err, fs.ErrNotExist):
		case unopened != nil:
			bad = append(bad, fail(op, "", segment.Guard(func() error { return unopened(name, err) })))
		default:
			bad = append(bad, fail(op, "", err))
		}
	}
	return errors.Join(bad...)
}

// createAttempts is how often a topic is made whose files are taken away meanwhile.
const createAttempts = 10

// createAmidRemovals is create, also while somebody removes the directory, as rm does, without its lock: then names vanish under whoever makes
// them, the lock's among them, so that there may be two makers. What was begun is begun again. The caller holds b.mu, as for create.
func (b *Bus) createAmidRemovals(name string, g topics.Geometry, ephemeral bool) (at *attachment, e topics.Entry, p Policy, err error) {
	for range createAttempts {
		err = b.inTurn(context.Background(), func() (err error) { at, e, p, err = b.create(name, g, ephemeral); return err })
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return at, e, p, err
}

// inTurn calls f again as long as somebody else has the topic table, which is one who has another directory's lock, because rm took that away. It waits
// as long as for a directory's lock, and as ctx allows; who is unwilling does not wait. The caller holds b.mu; it is let go of in between, and f finds everything anew.
func (b *Bus) inTurn(ctx context.Context, f func() error) error {
	const first, most = time.Millisecond, 50 * time.Millisecond
	start := time.Now()
	for wait := first; ; wait = min(2*wait, most) {
		err := f()
		switch {
		case !errors.Is(err, segment.ErrTableHeld) || ctx == unwilling || time.Since(start) > b.patience:
			return err
		case ctx.Err() != nil:
			return fmt.Errorf("%w: %w", err, ctx.Err())
		}
		b.mu.Unlock()
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		case <-b.closing.Done():
		}
		b.mu.Lock()
		if b.closed.Load() {
			return ErrClosed
		}
	}
}

// visit is attach for those who only look: what is deserted in a segment that was never more than visited is not for this Bus to remove. It
// stays open for the next look: whoever closes a lease file makes everybody on the bus look who has died. The caller holds b.mu.
func (b *Bus) visit(name string, a segment.Access) (*attachment, error) {
	had := b.attached(a)[name]
	at, err := b.reattach(name, a)
	if err == nil && at != had {
		at.visited = true
	}
	return at, err
}

// deniedIsNothing is for those who look where they may.
func deniedIsNothing(_ string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
