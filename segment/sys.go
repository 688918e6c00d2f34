package segment

import (
	"errors"
	"io/fs"
	"sync"
)

// What the platform gives is in sys_linux.go, lock_linux.go and map_unsafe.go; elsewhere sys_other.go says no to everything.

// A fileID tells one file from every other one as long as either is open.
type fileID struct{ dev, ino uint64 }

// fileStat is what this package wants to know of a file.
type fileStat struct {
	id        fileID
	size      int64
	allocated int64       // bytes of memory or disk that it takes
	mode      fs.FileMode // with type bits
	uid       int
	gid       int
}

// A file is an open descriptor. It is not an os.File because those are closed by the garbage collector: with the last
// reference to a forgotten handle its leases would go, while slices of its mappings are still written to.
//
// Methods may be called concurrently, close may not.
type file struct {
	fd   int // -1: closed
	path string
	id   fileID
}

// errHeld: somebody else holds the lock.
var errHeld = errors.New("lock is held")

var poller struct {
	sync.Mutex
	started bool
}

// StartPoller starts what the Go runtime waits for files and timers with, unless that has been done. The runtime does so by itself at the first need, and
// ends the program where it gets no descriptors for it: here that is an error (EMFILE, ENFILE). Any goroutine may call it.
func StartPoller() (err error) {
	poller.Lock()
	defer poller.Unlock()
	if !poller.started {
		err = startPoller()
		poller.started = err == nil
	}
	return err
}

// checkRegular is an ErrNotSegment if there is something else than a file at path.
func checkRegular(path string) error {
	st, err := statPath(path, false)
	if err != nil {
		return err
	}
	return st.checkRegular(path)
}

func (st fileStat) checkRegular(path string) error {
	if !st.mode.IsRegular() {
		return fault(ErrNotSegment, path, "file", "is of type %s, not a regular file", st.mode.Type())
	}
	return nil
}
