package testproc

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// memoryPrefix begins the names of directories whose process holds a lock on them as long as it lives.
const memoryPrefix = "shmbus-tmp-"

// memoryParent is where directories are made.
func memoryParent() string {
	if i, err := os.Stat("/dev/shm"); err == nil && i.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}

var sweepOnce = sync.OnceFunc(func() { sweepMemory(memoryParent()) })

// newMemoryDir makes a directory and locks it. The lock is let go of by free, or when this process ends, however it does.
func newMemoryDir(parent string) (dir string, free func(), err error) {
	for {
		if dir, err = os.MkdirTemp(parent, memoryPrefix); err != nil {
			return "", nil, err
		}
		f, err := lockDir(dir)
		if err != nil {
			return "", nil, err
		}
		if f != nil {
			return dir, func() { f.Close() }, nil
		}
		// somebody sweeps, and has seen it before it was locked
	}
}

// sweepMemory removes the directories whose process has ended. What others own, or have made in another way, is left alone.
func sweepMemory(parent string) {
	all, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range all {
		dir := filepath.Join(parent, e.Name())
		if !strings.HasPrefix(e.Name(), memoryPrefix) || !e.IsDir() || !isOurs(dir) {
			continue
		}
		if f, err := lockDir(dir); err == nil && f != nil {
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

// lockDir locks the directory of that name; nil if somebody else has, or has removed it.
func lockDir(dir string) (*os.File, error) {
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
