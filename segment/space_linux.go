package segment

import (
	"fmt"
	"io/fs"
	"math"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A reservation is made in pieces. A signal undoes the piece it interrupts, so a large one might never be finished.
const reserveStep = 64 << 20

// reserve gives the range memory or disk blocks, moving the end of the file if needed. What the file system cannot give is an
// ErrNoSpace; the file is then as long as it was.
func (f *file) reserve(off, size int64) error {
	st, err := f.stat()
	if err != nil {
		return err
	}
	var lim unix.Rlimit // passing it would raise SIGXFSZ, which ends a Go program
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &lim) == nil && lim.Cur < math.MaxInt64 && uint64(off+size) > lim.Cur {
		return fmt.Errorf("segment: %s would grow to %d bytes, but files of this process may have %d (ulimit -f): %w",
			f.path, off+size, lim.Cur, ErrNoSpace)
	}
	dir := filepath.Dir(f.path)
	if free, tmpfs := freeSpace(dir); tmpfs && size > free && off+size > st.size {
		return noSpace(dir, size, unix.ENOSPC) // at once, rather than after taking all that is left from the others
	}
	for done := int64(0); done < size; {
		step := min(size-done, reserveStep)
		err := retry(func() error { return unix.Fallocate(f.fd, 0, off+done, step) })
		if err == nil {
			done += step
			continue
		}
		f.truncate(st.size)
		f.punch(off, max(st.size-off, 0))
		switch err {
		case unix.ENOSPC, unix.EDQUOT, unix.ENOMEM, unix.EFBIG:
			return noSpace(dir, size, err)
		case unix.EOPNOTSUPP, unix.ENOSYS:
			return fmt.Errorf("segment: %s cannot reserve space (fallocate: %w): use /dev/shm or a local disk: %w",
				dir, err, ErrFileSystem)
		}
		return &fs.PathError{Op: "fallocate", Path: f.path, Err: err}
	}
	return nil
}

// noSpace says what was wanted, what there is, and what to do.
func noSpace(dir string, want int64, cause error) error {
	free, tmpfs := freeSpace(dir)
	help := "free some disk space or choose another directory"
	if tmpfs {
		help = "give the tmpfs more (docker run --shm-size, mount -o remount,size=), remove topics, or choose another directory"
	}
	return fmt.Errorf("segment: %w in %s: %d bytes wanted, %d free (%w): %s", ErrNoSpace, dir, want, free, cause, help)
}

// freeSpace is the bytes free in a directory's file system, as far as it says; a tmpfs without a limit does not.
func freeSpace(dir string) (free int64, tmpfs bool) {
	var st unix.Statfs_t
	if retry(func() error { return unix.Statfs(dir, &st) }) != nil {
		return 0, false
	}
	free = int64(min(st.Bavail, math.MaxInt64/uint64(max(st.Bsize, 1)))) * int64(st.Bsize)
	return free, uint32(st.Type) == unix.TMPFS_MAGIC && st.Blocks != 0
}

// punch gives the range's memory back; it reads as zeros afterwards.
func (f *file) punch(off, size int64) error {
	if size == 0 {
		return nil
	}
	const mode = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	if err := retry(func() error { return unix.Fallocate(f.fd, mode, off, size) }); err != nil {
		return &fs.PathError{Op: "punch", Path: f.path, Err: err}
	}
	return nil
}

func (f *file) truncate(size int64) error {
	if err := retry(func() error { return unix.Ftruncate(f.fd, size) }); err != nil {
		return &fs.PathError{Op: "truncate", Path: f.path, Err: err}
	}
	return nil
}
