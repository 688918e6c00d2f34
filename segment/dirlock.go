package segment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A DirLock is the lock of a bus directory, under which segments are made, grown and removed. The kernel drops it when the
// process ends. Every LockDir has a description of its own, so that goroutines of one process exclude each other too.
type DirLock struct {
	mu sync.Mutex
	f  *file // nil: unlocked
}

const (
	lockWaitFirst = time.Millisecond
	lockWaitMost  = 50 * time.Millisecond
)

// LockDir takes the lock of a directory, waiting for it as long as the context allows. The lock file is made if it is missing,
// with the modes of the options. If the directory is missing the error is an fs.ErrNotExist. If the context has ended and its cause is an ErrLockHeld, the
// error is that cause: then it is not for whoever calls to know that there was a context.
func LockDir(ctx context.Context, dir string, o Options) (*DirLock, error) {
	for wait := lockWaitFirst; ; wait = min(2*wait, lockWaitMost) {
		if ended := ctx.Err(); ended != nil {
			if cause := context.Cause(ctx); errors.Is(cause, ErrLockHeld) {
				ended = cause
			}
			return nil, waitingFor(filepath.Join(dir, lockName), ended)
		}
		l, err := TryLockDir(dir, o)
		if !errors.Is(err, ErrLockHeld) {
			return l, err
		}
		t := time.NewTimer(wait/2 + rand.N(wait/2))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
	}
}

// TryLockDir is LockDir without waiting: ErrLockHeld.
func TryLockDir(dir string, o Options) (*DirLock, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := checkDir(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, lockName)
	f, err := tryLock(path, dir, o)
	if errors.Is(err, errHeld) {
		return nil, waitingFor(path, ErrLockHeld)
	}
	if err != nil {
		return nil, err
	}
	f.goFirst()
	return &DirLock{f: f}, nil
}

// waitingFor is the error of who has not got the lock.
func waitingFor(path string, why error) error {
	return fmt.Errorf("segment: waiting for %s%s: %w", path, lockHolder(path), why)
}

// tryLock takes the lock now, or says errHeld.
func tryLock(path, dir string, o Options) (*file, error) {
	f, err := openFile(path, true)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeLock(path, dir, o); err != nil {
			return nil, err
		}
		f, err = openFile(path, true)
	}
	if errors.Is(err, fs.ErrNotExist) { // removed again
		return nil, errHeld
	}
	if err != nil {
		return nil, err
	}
	if err = f.lock(0); err == nil {
		// The directory may have been removed and made anew in between: then this is the lock of nothing.
		if st, serr := statPath(path, false); serr != nil || st.id != f.id {
			err = errHeld
		}
	}
	if err != nil {
		f.close()
		return nil, err
	}
	f.writeAt(fmt.Appendf(nil, "%-20d\n", os.Getpid()), 0) // shown to people; of no consequence if the disk is full
	return f, nil
}

// tableLock is the byte of the lease file whose lock is that of the segment's topic table: it is behind those of all slots.
const tableLock = maxParticipants

// LockTable takes the lock of the topic table, under which topics are made and removed, and the segment itself, in addition to that of the directory: rm
// can take the directory's away from under who has it, and then another one has one, too. Errors: ErrTableHeld, by somebody else just now, and that of
// Gone. A Segment takes it once at a time.
func (s *Segment) LockTable() (unlock func(), err error) {
	if err := s.lockTable(); err != nil {
		return nil, err
	}
	if err := s.Gone(); err != nil { // by who had the lock before
		s.unlockTable()
		return nil, err
	}
	return s.unlockTable, nil
}

func (s *Segment) lockTable() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.writable("change its topic table"); err != nil {
		return err
	}
	if !s.lease.same() {
		return s.errLeaseLost()
	}
	err := s.lease.lock(tableLock)
	if errors.Is(err, errHeld) {
		err = fmt.Errorf("segment %s: %w", s.Path(), ErrTableHeld)
	}
	return err
}

func (s *Segment) unlockTable() {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.closed && s.lease.same() {
		_ = s.lease.unlock(tableLock, 1)
	}
}

// makeLock makes the lock file aside, so that nobody meets it before it has its mode. That somebody else was quicker is fine. errHeld: somebody has taken
// it for left by the dead, or the directory was removed; try again.
func makeLock(path, dir string, o Options) error {
	m, err := o.files(dir)
	if err != nil {
		return err
	}
	f, err := createFile(asideOf(path))
	if err != nil {
		return err
	}
	defer f.close()
	if err = m.apply(f, m.lock); err == nil {
		point("lock made aside")
		err = renameNew(f.path, path)
	}
	if err != nil {
		os.Remove(f.path)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return errHeld
	}
	return err
}

// lockHolder is a hint at who took the lock last. A pid may be one of another container.
func lockHolder(path string) string {
	f, err := openFile(path, false)
	if err != nil {
		return ""
	}
	defer f.close()
	if pid := lastLocker(f); pid != 0 {
		return fmt.Sprintf(" (last taken by pid %d)", pid)
	}
	return ""
}

// lastLocker is the pid in a lock file, or 0.
func lastLocker(f *file) int {
	b := make([]byte, 20)
	n, err := f.readAt(b, 0)
	pid, aerr := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil || aerr != nil {
		return 0
	}
	return pid
}

// Unlock lets go of the lock. A second call is an os.ErrClosed.
func (l *DirLock) Unlock() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return fmt.Errorf("segment: unlocking a directory: %w", os.ErrClosed)
	}
	var err error
	if l.f.same() { // the number may be another file's by now
		err = l.f.unlock(0, 1)
	}
	err = errors.Join(err, l.f.close())
	l.f = nil
	return err
}
