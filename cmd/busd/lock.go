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
)

// lockPatience is for how long the lock is tried: runners that wait for the end of a busd hold it for a moment when it comes.
const lockPatience = time.Second

// lock makes this process the busd of a place, until the lock is closed.
func lock(ctx context.Context, place plugins.Place) (*filelock.Lock, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(lockPatience); ; {
		l, err := filelock.Try(place.Lock())
		if err == nil {
			return l, sign(l.File())
		}
		if !errors.Is(err, filelock.ErrHeld) {
			return nil, err
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("there is a busd on this bus already: %s; it holds %s", holder(place.Lock()), place.Lock())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// placeEvery is how often busd looks whether its place is still there.
const placeEvery = 2 * time.Second

// keep returns an error when the lock is not the one of the place any more: somebody has removed the directory, nobody finds this busd there,
// and nothing holds another one back. It looks, because what is written beside the lock would wake a watcher each time.
func keep(ctx context.Context, l *filelock.Lock, path string) error {
	tick := time.NewTicker(placeEvery)
	defer tick.Stop()
	for {
		mine, err := l.File().Stat()
		if err != nil {
			return err
		}
		if there, err := os.Stat(path); errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(mine, there) {
			return fmt.Errorf("%s was removed; start busd again", path)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sign writes into the lock who holds it. That is for people: the lock itself is the proof.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
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
