package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// backend says why there can be no segments here.
func backend() error { return nil }

// builtinDir is the directory of those who name none and set no variable.
func builtinDir() string { return "/dev/shm/shmbus-" + strconv.Itoa(os.Geteuid()) }

// openFlags keep a descriptor from children, from waiting for the other end of a FIFO, and from following links.
const openFlags = unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOFOLLOW | unix.O_NOCTTY

// retry calls f again as long as a signal interrupts it.
func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

// pollerDescriptors is how many descriptors Go's poller takes, and one more.
const pollerDescriptors = 3

func startPoller() error {
	var taken [pollerDescriptors]int
	for i := range taken {
		fd, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			for _, fd := range taken[:i] {
				unix.Close(fd)
			}
			return os.NewSyscallError("open", err)
		}
		taken[i] = fd
	}
	for _, fd := range taken {
		unix.Close(fd)
	}
	time.AfterFunc(time.Hour, func() {}).Stop() // timers wait in it
	return nil
}

func openFD(path string, flags int, mode uint32) (*file, error) {
	var fd int
	err := retry(func() (err error) { fd, err = unix.Open(path, flags|openFlags, mode); return err })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := &file{fd: fd, path: path}
	st, err := f.stat()
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	f.id = st.id
	return f, nil
}

// openFile opens a regular file; anything else is not touched and is an ErrNotSegment.
func openFile(path string, write bool) (*file, error) {
	if err := checkRegular(path); err != nil {
		return nil, err
	}
	flags := unix.O_RDONLY
	if write {
		flags = unix.O_RDWR
	}
	f, err := openFD(path, flags, 0)
	if errors.Is(err, unix.EROFS) {
		err = readOnlyFS{err}
	}
	if err != nil {
		return nil, err
	}
	st, err := f.stat()
	if err == nil {
		err = st.checkRegular(path) // changed in between
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// createFile makes a file that must not be there yet, for its owner only.
func createFile(path string) (*file, error) {
	return openFD(path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o600)
}

// pin opens whatever has a path, for nothing but to be known: as long as it is open no other file has its id.
func pin(path string) (*file, error) { return openFD(path, unix.O_PATH, 0) }

// openDir opens a directory, to change its mode.
func openDir(path string) (*file, error) { return openFD(path, unix.O_RDONLY|unix.O_DIRECTORY, 0) }

func toStat(st *unix.Stat_t) fileStat {
	mode := fs.FileMode(st.Mode & 0o777)
	if st.Mode&unix.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	default:
		mode |= fs.ModeDevice
	}
	return fileStat{
		id:   fileID{uint64(st.Dev), st.Ino},
		size: st.Size, allocated: st.Blocks * 512, mode: mode, uid: int(st.Uid), gid: int(st.Gid),
	}
}

// statPath looks at a path; a symbolic link as last element is followed if asked for.
func statPath(path string, follow bool) (fileStat, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstatat(unix.AT_FDCWD, path, &st, flags) }); err != nil {
		return fileStat{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return toStat(&st), nil
}

func (f *file) stat() (fileStat, error) {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(f.fd, &st) }); err != nil {
		return fileStat{}, &fs.PathError{Op: "stat", Path: f.path, Err: err}
	}
	return toStat(&st), nil
}

// same tells that the descriptor is still the file that was opened. Libraries exist that close every descriptor; the number
// then soon means another file.
func (f *file) same() bool {
	st, err := f.stat()
	return err == nil && st.id == f.id
}

// close is idempotent, and leaves a descriptor alone that has become another file.
func (f *file) close() error {
	if f == nil || f.fd < 0 {
		return nil
	}
	var err error
	if f.same() {
		err = unix.Close(f.fd)
	}
	f.fd = -1
	return err
}

// readAt reads as much as is there; a short read is no error.
func (f *file) readAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) {
		var k int
		err := retry(func() (err error) { k, err = unix.Pread(f.fd, b[n:], off+int64(n)); return err })
		if err != nil {
			return n, &fs.PathError{Op: "read", Path: f.path, Err: err}
		}
		if k == 0 {
			break
		}
		n += k
	}
	return n, nil
}

func (f *file) writeAt(b []byte, off int64) error {
	for len(b) > 0 {
		var k int
		err := retry(func() (err error) { k, err = unix.Pwrite(f.fd, b, off); return err })
		if err != nil {
			return &fs.PathError{Op: "write", Path: f.path, Err: err}
		}
		b, off = b[k:], off+int64(k)
	}
	return nil
}

// touch sets the time of whatever file has the path to now: the path, because kernels before 5.8 cannot do it to a descriptor.
func (f *file) touch() error {
	now := []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}}
	if err := retry(func() error { return unix.UtimesNanoAt(unix.AT_FDCWD, f.path, now, 0) }); err != nil {
		return &fs.PathError{Op: "touch", Path: f.path, Err: err}
	}
	return nil
}

func (f *file) chmod(mode fs.FileMode) error {
	m := uint32(mode.Perm())
	if mode&fs.ModeSetgid != 0 {
		m |= unix.S_ISGID
	}
	if mode&fs.ModeSticky != 0 {
		m |= unix.S_ISVTX
	}
	if err := retry(func() error { return unix.Fchmod(f.fd, m) }); err != nil {
		return &fs.PathError{Op: "chmod", Path: f.path, Err: err}
	}
	return nil
}

func (f *file) chown(gid int) error {
	if err := retry(func() error { return unix.Fchown(f.fd, -1, gid) }); err != nil {
		return &fs.PathError{Op: "chown", Path: f.path, Err: err}
	}
	return nil
}

// mayRemove says whether the kernel would let this process take the file's name away.
func (f *file) mayRemove() error {
	dir, me := filepath.Dir(f.path), os.Geteuid()
	err := retry(func() error { return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS) })
	if err == nil {
		var d, st fileStat
		if d, err = statPath(dir, true); err == nil {
			st, err = f.stat()
		}
		if err == nil && d.mode&fs.ModeSticky != 0 && me != 0 && me != d.uid && me != st.uid {
			err = unix.EPERM
		}
	}
	if err != nil {
		return &fs.PathError{Op: "remove", Path: f.path, Err: err}
	}
	return nil
}

// renameNew gives a file its name, unless the name is taken: then the error is an fs.ErrExist.
func renameNew(from, to string) error {
	err := retry(func() error {
		return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	})
	if err == unix.EINVAL || err == unix.ENOSYS { // a file system that cannot
		return linkNew(from, to)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// linkNew is renameNew for files, in two steps. Between them the file has both names, which does no harm.
func linkNew(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	if err := os.Remove(from); !errors.Is(err, fs.ErrNotExist) { // somebody has cleared it away: then it has its name alone
		return err
	}
	return nil
}

// Network file systems: a store by one machine is not seen by another, and locks may not be the kernel's.
var networkFS = map[int64]string{
	0x6969: "NFS", 0x517b: "SMB", 0xff534d42: "CIFS", 0xfe534d42: "SMB", 0x5346414f: "AFS", 0x6b414653: "AFS",
	0x73757245: "Coda", 0x01021997: "9P", 0x00c36400: "Ceph", 0x0bd00bd0: "Lustre", 0x47504653: "GPFS", 0x19830326: "BeeGFS",
	0x786f4256: "VirtualBox shared folders", 0xbacbacbc: "VMware shared folders", 0x7c7c6673: "Parallels shared folders",
}

// checkFileSystem refuses file systems on which mappings of the same file are not the same memory.
func checkFileSystem(dir string) error {
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Statfs(dir, &st) }); err != nil {
		return &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return judgeFileSystem(dir, int64(st.Type))
}

// judgeFileSystem is checkFileSystem for one that statfs calls so.
func judgeFileSystem(dir string, magic int64) error {
	if name, bad := networkFS[int64(uint32(magic))]; bad {
		return fmt.Errorf("segment: %s is on %s, where processes do not share memory: use /dev/shm or a local disk: %w",
			dir, name, ErrFileSystem)
	}
	return nil
}

// processStart is when this process was started, in clock ticks after the machine was; 0 if that cannot be told.
var processStart = sync.OnceValue(func() uint64 {
	_, start := processStat("self")
	return start
})

// processStat is the state letter of a process, as ps shows it, and when it was started; 0 if there is none.
func processStat(pid string) (state byte, start uint64) {
	b, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return 0, 0
	}
	s := string(b)
	fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:]) // the name before may have spaces in it
	if len(fields) < 20 {
		return 0, 0
	}
	start, _ = strconv.ParseUint(fields[19], 10, 64)
	return fields[0][0], start
}

// readOnlyFS is EROFS as what it means to who opens a file: there is no permission to write, and there may be one to read.
type readOnlyFS struct{ error }

func (e readOnlyFS) Is(target error) bool { return target == fs.ErrPermission }
func (e readOnlyFS) Unwrap() error        { return e.error }
