package tempdir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// New makes a directory in parent, whose name begins with prefix, after it has removed those whose names begin so and that nobody holds. A directory is
// held by a lock on it, which the kernel drops when the process ends, however it does. Other machines may not see the lock: parent is of this one only.
func New(parent, prefix string) (*Dir, error) {
	sweep(parent, prefix)
	for {
		dir, err := os.MkdirTemp(parent, prefix)
		if err != nil {
			return nil, err
		}
		f, err := lock(dir)
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		if f != nil {
			return &Dir{dir, f}, nil
		}
		// somebody sweeps, and has seen it before it was locked
	}
}

// sweep removes the directories whose process has ended. What others own is left alone, and what has another name than MkdirTemp gives: it may be
// a bus, which nobody locks.
func sweep(parent, prefix string) {
	all, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range all {
		dir := filepath.Join(parent, e.Name())
		random, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok || random == "" || strings.Trim(random, "0123456789") != "" || !e.IsDir() || !isOurs(dir) {
			continue
		}
		if f, err := lock(dir); err == nil && f != nil {
			os.RemoveAll(dir)
			f.Close()
		}
	}
}

// isOurs says whether dir is a directory of this user.
func isOurs(dir string) bool {
	i, err := os.Lstat(dir)
	if err != nil || !i.IsDir() {
		return false
	}
	st, ok := i.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

// lock locks the directory of that name; nil if somebody else has, or has removed it.
func lock(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		was, err1 := f.Stat()
		is, err2 := os.Lstat(dir)
		if err1 == nil && err2 == nil && os.SameFile(was, is) {
			return f, nil
		}
	}
	f.Close()
	if err != nil && err != syscall.EWOULDBLOCK {
		return nil, err
	}
	return nil, nil
}
