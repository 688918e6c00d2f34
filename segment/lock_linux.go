package segment

import (
	"io"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Locks belong to the open file description, not to the process: two descriptions in one process exclude each other, and
// closing some other descriptor of the file drops nothing. The kernel drops them with the last descriptor, that is with the
// process.

func (f *file) fcntl(cmd int, lk *unix.Flock_t) error {
	return retry(func() error { return unix.FcntlFlock(uintptr(f.fd), cmd, lk) })
}

// goFirst gives the file a number above those of what the process opens later. A kernel that ends a process lets go of its files from the highest
// number down, one by one, and some take long: an inotify descriptor waits for all CPUs, a second and more on a busy machine. Until the turn of
// a lock comes, others have to take its holder for alive. The number is below 64 if it can be: a larger table of descriptors costs
// a process with threads milliseconds. If there is no such number the file keeps its own.
func (f *file) goFirst() {
	const above = 48
	if fd, err := unix.FcntlInt(uintptr(f.fd), unix.F_DUPFD_CLOEXEC, max(above, f.fd+16)); err == nil {
		unix.Close(f.fd)
		f.fd = fd
	}
}

// lock takes byte i, or says errHeld at once.
func (f *file) lock(i int64) error {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: i, Len: 1}
	switch err := f.fcntl(unix.F_OFD_SETLK, &lk); err {
	case nil:
		return nil
	case unix.EAGAIN, unix.EACCES:
		return errHeld
	default:
		return &fs.PathError{Op: "lock", Path: f.path, Err: err}
	}
}

// unlock lets go of n bytes from i on. Closing would do, but not while a child just forked still has the descriptor.
func (f *file) unlock(i, n int64) error {
	lk := unix.Flock_t{Type: unix.F_UNLCK, Whence: io.SeekStart, Start: i, Len: n}
	if err := f.fcntl(unix.F_OFD_SETLK, &lk); err != nil {
		return &fs.PathError{Op: "unlock", Path: f.path, Err: err}
	}
	return nil
}

// locked asks whether another description holds byte i for writing.
func (f *file) locked(i int64) (bool, error) { return f.lockedAny(i, 1) }

// lockedAny asks whether another description holds any of n bytes from i on for writing.
func (f *file) lockedAny(i, n int64) (bool, error) {
	lk := unix.Flock_t{Type: unix.F_RDLCK, Whence: io.SeekStart, Start: i, Len: n}
	if err := f.fcntl(unix.F_OFD_GETLK, &lk); err != nil {
		return false, &fs.PathError{Op: "lock", Path: f.path, Err: err}
	}
	return lk.Type != unix.F_UNLCK, nil
}
