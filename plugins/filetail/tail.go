package filetail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"shmbus/bus"
	"shmbus/segment"
)

// A tail is a path that is followed, whichever files have its name in turn.
type tail struct {
	f       *follower
	path    string
	target  string // where a symbolic link leads to, if it is one
	pub     *sharedTopic
	in      *input   // the file; nil while there is none
	old     []*input // files that were replaced, but may still grow for a moment
	skip    bool     // begin at the end of the file
	away    bool     // in has lost its name, and nothing has it
	missing bool     // there was nothing at the last scan
	behind  bool     // there was more to be read at the last look
}

// most is how much of one file is read before others have their turn, in bytes.
const most = 4 << 20

// look reads what is new, until its turn is over. more: there is more to be read.
func (t *tail) look() (more bool, err error) {
	ctx, cancel := context.WithTimeout(t.f.ctx, t.f.turn)
	defer cancel()
	defer func() {
		t.behind = more
		if len(t.old) > 0 || t.away {
			t.f.moved[t] = true
		} else {
			delete(t.f.moved, t)
		}
	}()
	for {
		if t.in == nil {
			t.open()
		}
		more, err := t.lookOld(ctx)
		if !more && err == nil && t.in != nil {
			more, err = t.in.read(ctx, t, most)
		}
		// It is asked also while there is more: the file that has the name now may be gone when that has been read.
		if err != nil || t.in == nil || !t.replaced() {
			return more, err
		}
		// Lines may have come between the last read and the change of the name: it is read once more, as one of the old.
		t.retire(t.in)
		t.in, t.skip = nil, false
	}
}

// retire makes in one of the old files.
func (t *tail) retire(in *input) {
	in.until, in.over = time.Now().Add(t.f.every), 0
	t.old = append(t.old, in)
}

// lookOld reads what has come in files that were replaced, in their order. Those whose time is over are passed on, or closed.
func (t *tail) lookOld(ctx context.Context) (more bool, err error) {
	for i := 0; i < len(t.old); {
		in := t.old[i]
		over := time.Now().After(in.until)
		if more, err := in.read(ctx, t, most); more || err != nil {
			return more, err
		}
		passed := over && t.f.pass(in)
		if !over || !passed && t.sought(in) {
			i++
			continue
		}
		if !passed {
			if more, err := in.rest(ctx, t); more || err != nil {
				return more, err
			}
			if err := t.f.closeInput(in); err != nil {
				return false, err
			}
		}
		t.old = slices.Delete(t.old, i, i+1)
	}
	return false, nil
}

// open opens the file of that name; there may be none. What is wrong with it is said.
func (t *tail) open() {
	if err := t.tryOpen(); err != nil {
		t.f.say(t.path, err.Error())
	}
}

// tryOpen is open. The first time it goes on where the state file says.
func (t *tail) tryOpen() error {
	in, err := t.f.openInput(t.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if in == nil {
		err = nil
	}
	places, resumed := t.f.saved.Files[t.path]
	here := func(was place) bool { return was.is(in) }
	if in != nil && !slices.ContainsFunc(places, here) && t.f.elsewhere(t, in) {
		err = t.f.closeInput(in)
		in = nil
	}
	t.f.unsave(t.path)
	var before []*input // files that have had the name, in turn
	for i, was := range places {
		if in != nil && was.is(in) {
			err = in.begin(was.Offset)
			continue
		}
		old := t.f.find(was, t.path)
		if old != nil { // otherwise it had been replaced before, and was read
			before = append(before, old)
		}
		if i == len(places)-1 {
			before = append(before, t.f.missed(t.path, places, in, old != nil)...)
		}
	}
	if n := len(before); in == nil && n > 0 { // nothing has the name now: the last one may still grow
		in, before = before[n-1], before[:n-1]
	}
	for _, old := range before {
		t.retire(old)
	}
	if in != nil && t.skip && !resumed {
		var at int64
		if at, err = in.lastLine(); err == nil {
			err = in.begin(at)
		}
	}
	if in == nil {
		return nil
	}
	if err != nil {
		return errors.Join(err, t.f.closeInput(in))
	}
	t.take(in)
	return nil
}

// take has in as the file of t's path from now on.
func (t *tail) take(in *input) {
	t.in = in
	t.f.unsaved = true
	t.f.aim(t)
	t.f.say(t.path, "")
	t.f.tell()
}

// replaced says whether another file has taken the name. While nothing has it, the old file is the one to read.
func (t *tail) replaced() bool {
	now, err := os.Stat(t.path)
	t.away = errors.Is(err, fs.ErrNotExist)
	if err != nil {
		if !t.away {
			t.f.say(t.path, err.Error())
		}
		return false
	}
	open, err := t.in.file.Stat()
	return err == nil && !os.SameFile(now, open)
}

// finish publishes what has no newline and will get none. more: there was no room for all of it.
func (t *tail) finish() (more bool, err error) {
	if t.in == nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(t.f.ctx, t.f.turn)
	defer cancel()
	return t.in.rest(ctx, t)
}

func (t *tail) close() error {
	var errs []error
	for _, in := range append(t.old, t.in) {
		if in != nil {
			errs = append(errs, t.f.closeInput(in))
		}
	}
	t.old, t.in = nil, nil
	return errors.Join(append(errs, t.f.leave(t.pub))...)
}

// publish publishes lines, and says how many were before an error. It is none that ctx, t's turn, is over, nor that lines have to be cut into other
// pieces.
func (t *tail) publish(ctx context.Context, lines [][]byte) (int, error) {
	n, err := t.pub.PublishBatch(ctx, lines)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && t.f.ctx.Err() == nil:
		err = nil
	case errors.Is(err, segment.ErrLockHeld), errors.Is(err, segment.ErrTableHeld): // the topic cannot be made now
		err = nil
	case errors.Is(err, bus.ErrFrameTooLarge) && len(lines[n]) > t.pub.MaxFrame(): // the topic was made again, with a smaller ring
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("following %s: %w", t.path, err)
	}
	t.f.unsaved = true
	return n, err
}
