// Package filelock is a lock that the kernel drops with the process that holds it, however it ends: a file whose lock is held proves
// that its holder lives. Pids prove nothing.
//
// The locks belong to the open file description: two descriptions in one process exclude each other. They are not inherited: files
// are close-on-exec.
package filelock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrHeld is returned by Try while somebody else holds the lock.
var ErrHeld = errors.New("the lock is held")

// ErrRemoved is wrapped by Check's error for a lock whose file was removed.
var ErrRemoved = errors.New("was removed")

// A Lock is a held lock.
type Lock struct{ f *os.File }

// Try takes the lock of the file at path, which it makes (mode 0600) if need be, or returns ErrHeld at once. Whoever removes such files takes their
// lock first: so a lock that was got in the moment when the file was removed, and maybe made anew, is the lock of nothing, and it is tried again.
func Try(path string) (*Lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := try(f); err != nil {
			f.Close()
			return nil, err
		}
		if is(path, f) {
			return &Lock{f}, nil
		}
		f.Close()
	}
}

// is says whether f is the file at path now.
func is(path string, f *os.File) bool {
	have, err := f.Stat()
	there, thereErr := os.Stat(path)
	return err == nil && thereErr == nil && os.SameFile(have, there)
}

// Held says whether somebody holds the lock of the file at path. Nobody does if the file is not there.
func Held(path string) (bool, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	return held(f)
}

// Wait returns when nobody holds the lock of the file at path, or the file is not there. It cannot be interrupted: it is for a goroutine of
// its own that goes on as long as the process.
func Wait(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return wait(f)
}

// File is the locked file. What it holds is for people; it is written by the holder alone.
func (l *Lock) File() *os.File { return l.f }

// Check returns an error when the lock is not that of its path any more: somebody has removed the file, or a directory that it was in. Nobody finds
// the holder then, and nothing holds another one back.
func (l *Lock) Check() error {
	mine, err := l.f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(l.f.Name())
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && !os.SameFile(mine, there) {
		return fmt.Errorf("%s %w", l.f.Name(), ErrRemoved)
	}
	return nil
}

// Close lets go of the lock. The file stays.
func (l *Lock) Close() error { return l.f.Close() }
