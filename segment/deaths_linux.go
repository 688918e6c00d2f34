package segment

import (
	"encoding/binary"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// deaths is the one inotify instance of this process: the system gives a user only so many. It exists while there are watches.
//
// When a process ends, however it does, the kernel closes its descriptors, and says so to whoever watches: a closed lease file is a
// participant that may have died. There is no need to know its pid.
var deaths struct {
	sync.Mutex
	f       *os.File
	watches map[int32]map[*deathWatch]struct{} // by watch descriptor: the same directory has one
}

type deathWatch struct{ f func() }

func watchDeaths(dir string, f func()) (stop func(), err error) {
	d := &deaths
	d.Lock()
	defer d.Unlock()
	if d.f == nil {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			return nil, &os.SyscallError{Syscall: "inotify_init1", Err: err}
		}
		d.f = os.NewFile(uintptr(fd), "inotify")
		d.watches = make(map[int32]map[*deathWatch]struct{})
		go readDeaths(d.f)
	}
	var n int
	if err := control(d.f, func(fd int) (err error) {
		n, err = unix.InotifyAddWatch(fd, dir, unix.IN_CLOSE_WRITE|unix.IN_ONLYDIR)
		return err
	}); err != nil {
		endDeaths()
		return nil, &os.PathError{Op: "watching for the end of participants", Path: dir, Err: err}
	}
	wd, w := int32(n), &deathWatch{f}
	if d.watches[wd] == nil {
		d.watches[wd] = make(map[*deathWatch]struct{})
	}
	d.watches[wd][w] = struct{}{}
	file := d.f
	return func() {
		d.Lock()
		defer d.Unlock()
		if d.f != file {
			return
		}
		if all := d.watches[wd]; all != nil {
			delete(all, w)
			if len(all) == 0 {
				delete(d.watches, wd)
				_ = control(d.f, func(fd int) error { _, err := unix.InotifyRmWatch(fd, uint32(wd)); return err })
			}
		}
		endDeaths()
	}, nil
}

// control runs f on the file's descriptor.
func control(file *os.File, f func(fd int) error) error {
	c, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := c.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return err
	}
	return ferr
}

// endDeaths closes the instance when nobody watches. The caller holds the lock.
func endDeaths() {
	if d := &deaths; len(d.watches) == 0 {
		_ = d.f.Close()
		d.f, d.watches = nil, nil
	}
}

// readDeaths reads events until the instance is closed.
func readDeaths(file *os.File) {
	buf := make([]byte, 64*(unix.SizeofInotifyEvent+unix.NAME_MAX+1))
	for {
		n, err := file.Read(buf)
		if err != nil {
			return
		}
		told := make(map[*deathWatch]struct{})
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			wd, mask, size := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[12:])
			b = b[unix.SizeofInotifyEvent:]
			name := strings.TrimRight(string(b[:min(int(size), len(b))]), "\x00")
			b = b[min(int(size), len(b)):]
			tellDeaths(file, wd, mask, name, told)
		}
		for w := range told {
			w.f()
		}
	}
}

// tellDeaths collects who is to be told of an event.
func tellDeaths(file *os.File, wd int32, mask uint32, name string, told map[*deathWatch]struct{}) {
	d := &deaths
	d.Lock()
	defer d.Unlock()
	if d.f != file {
		return
	}
	for other, all := range d.watches {
		if mask&unix.IN_Q_OVERFLOW != 0 || other == wd && strings.HasSuffix(name, extLease) {
			for w := range all {
				told[w] = struct{}{}
			}
		}
	}
	if mask&unix.IN_IGNORED != 0 { // the directory is gone
		delete(d.watches, wd)
		if len(d.watches) == 0 {
			endDeaths()
		}
	}
}
