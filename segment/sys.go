package segment

import (
	"errors"
	"io/fs"
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
