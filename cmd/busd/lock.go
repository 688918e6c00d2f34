package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"shmbus/internal/filelock"
	"shmbus/plugins"
	"shmbus/plugins/supervise"
)

// lockPatience is for how long the lock is tried: runners that wait for the end of a busd hold it for a moment when it comes.
const lockPatience = time.Second

// lockPlace makes this process the busd of a place, until the lock is closed.
func lockPlace(ctx context.Context, s *settings) (*filelock.Lock, error) {
	if err := supervise.MakePlace(s.place); err != nil {
		return nil, err
	}
	where := "on this bus"
	if s.place != plugins.PlaceOf(s.Bus) { // which may be that of another bus
		where = "with this state directory"
	}
	return lock(ctx, s.place.Lock(), where)
}

// lockBus makes this process the busd of a bus, until the lock is closed.
func lockBus(ctx context.Context, s *settings) (*filelock.Lock, error) {
	own := plugins.PlaceOf(s.Bus)
	if err := supervise.MakePlace(own); err != nil {
		if own != s.place {
			err = fmt.Errorf("%s is where the one busd of a bus has its lock, and cannot be used: if no busd of another user runs on %s, remove it (%w)", own, s.Bus, err)
		}
		return nil, err
	}
	return lock(ctx, plugins.BusLock(s.Bus), "on this bus")
}

// lock takes a lock of which busd has one, where says where.
func lock(ctx context.Context, path, where string) (*filelock.Lock, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(lockPatience); ; {
		l, err := filelock.Try(path)
		if err == nil {
			sign(l.File())
			return l, nil
		}
		if !errors.Is(err, filelock.ErrHeld) {
			return nil, err
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("there is a busd %s already: %s; it holds %s", where, holder(path), path)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// keepEvery is how often busd looks whether its files are still there.
const keepEvery = 2 * time.Second

// mine returns an error when somebody has removed one of this busd's locks, with its directory mostly: nobody finds this busd there, and nothing holds
// another one back.
func (e *engine) mine() error {
	for _, l := range e.locks {
		if err := l.Check(); err != nil {
			return fmt.Errorf("%w; start busd again", err)
		}
	}
	return nil
}

// keep makes anew what others have removed, and returns when that is a lock. It looks, because what is written beside the lock would wake a watcher each time.
func (e *engine) keep(ctx context.Context) error {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	told := ""
	for {
		if err := e.mine(); err != nil {
			return err
		}
		trouble := ""
		if err := errors.Join(e.log.file.Keep(), e.control.Keep(), e.page.Keep()); err != nil {
			trouble = err.Error()
		}
		if trouble != "" && trouble != told {
			e.log.Error("what was removed cannot be made anew, which is tried again", "error", trouble)
		}
		told = trouble
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sign writes into the lock who holds it, if there is room. That is for people: the lock itself is the proof. What was there has room, and is not given
// away before it is written over.
func sign(f *os.File) {
	pid := []byte(strconv.Itoa(os.Getpid()) + "\n")
	if _, err := f.WriteAt(pid, 0); err == nil {
		_ = f.Truncate(int64(len(pid)))
	}
}

// holder is who has signed a lock, and when.
func holder(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 32))
	i, serr := f.Stat()
	pid, perr := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || serr != nil || perr != nil || pid < 1 {
		return "nobody knows which"
	}
	return fmt.Sprintf("pid %d, since %s", pid, i.ModTime().Format(time.DateTime))
}
