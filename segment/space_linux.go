package segment

import (
	"fmt"
	"io/fs"
	"math"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A reservation is made in pieces, each up to a multiple of that. A signal undoes the piece it interrupts, so a large one might never
// be finished.
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
	sp := freeSpace(dir)
	if sp.known && size > sp.most && off+size > st.size {
		return noSpace(dir, size, unix.ENOSPC) // at once, rather than after taking all that is left from the others
	}
	huge := sp.tmpfs
	for done := int64(0); done < size; {
		step := min(size-done, reserveStep-(off+done)%reserveStep)
		huge = huge && f.gather(off+done, step)
		err := retry(func() error { return unix.Fallocate(f.fd, 0, off+done, step) })
		if err == nil {
			done += step
			continue
		}
		f.giveBack(off, st.size)
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

// giveBack undoes a reservation from off on, of a file that had so many bytes before.
func (f *file) giveBack(off, size int64) {
	f.truncate(size)
	f.punch(off, max(size-off, 0))
}

// noSpace says what was wanted, what there is, and what to do.
func noSpace(dir string, want int64, cause error) error {
	sp := freeSpace(dir)
	help := "free some disk space or choose another directory"
	if sp.tmpfs {
		help = "give the tmpfs more (docker run --shm-size, mount -o remount,size=), remove topics, or choose another directory"
	}
	return fmt.Errorf("segment: %w in %s: %d bytes wanted, %d free (%w): %s", ErrNoSpace, dir, want, sp.free, cause, help)
}

// muchSpace is how many bytes are free at least where no hole can have been left for want of them.
const muchSpace = 1 << 20

// noSpaceInHole is a fault in a file that is long enough: the range was given back, and the file system is full. nil: it is not.
func noSpaceInHole(dir, path string, at int64) error {
	if sp := freeSpace(dir); !sp.known || sp.free >= muchSpace {
		return nil
	}
	return fmt.Errorf("%s has a hole at byte %d: %w", path, at, noSpace(dir, int64(unix.Getpagesize()), unix.ENOSPC))
}

// space is what a file system says of itself.
type space struct {
	free  int64 // bytes that this user may take
	most  int64 // bytes that anybody could take
	tmpfs bool
	known bool // false: no limit, or no answer
}

func freeSpace(dir string) space {
	var st unix.Statfs_t
	if retry(func() error { return unix.Statfs(dir, &st) }) != nil {
		return space{}
	}
	block := max(int64(st.Bsize), 1) // its type is another one on some CPUs
	bytes := func(blocks uint64) int64 { return int64(min(blocks, math.MaxInt64/uint64(block))) * block }
	return space{
		free: bytes(st.Bavail), most: bytes(st.Bfree),
		tmpfs: uint32(st.Type) == unix.TMPFS_MAGIC, known: st.Blocks != 0,
	}
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
