package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Attempts to open files that are of different creations: they may be in the middle of being made anew.
const openAttempts = 5

// Open opens the segment NAME in a directory. It checks, in this order, each with an error of its own: magic, layout version,
// byte order, page size, nonce, offsets, size, state; then that the other files belong to the segment. It changes nothing.
//
// For ReadOnly only NAME.seg need be readable. The bell file is opened for writing if that is allowed, else for reading, else not
// at all; the lease file is not opened.
//
// If there is no segment of that name the error is an fs.ErrNotExist, if it may not be opened an fs.ErrPermission, also for
// writing on a file system that is mounted read-only.
func Open(dir, name string, a Access) (*Segment, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if a != ReadOnly && a != ReadWrite {
		return nil, fmt.Errorf("segment %s: no such access: %d", name, a)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := checkDir(dir); err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		s := &Segment{dir: dir, name: name, access: a, own: map[int]*Participant{}}
		err := s.open()
		if err == nil {
			return s, nil
		}
		s.release()
		if !errors.As(err, new(errNonce)) || attempt == openAttempts {
			return nil, err
		}
		time.Sleep(time.Millisecond << attempt)
	}
}

func (s *Segment) open() (err error) {
	write := s.access == ReadWrite
	if s.seg, err = openFile(s.Path(), write); err != nil {
		return err
	}
	if s.head, err = readHeader(s.seg); err != nil {
		return err
	}
	if s.head.state == stateDead {
		return errDead(s.Path())
	}
	if err = s.openBell(); err != nil {
		return err
	}
	if write {
		if err = s.openLease(); err != nil {
			return err
		}
	}
	size, writable := s.head.regionsStart, int64(0)
	if write {
		writable = size
	}
	if s.mapped, err = mapShared(s.seg, 0, size, writable, true); err != nil {
		return err
	}
	return s.attach()
}

func errDead(path string) error {
	return fmt.Errorf("segment %s: it was removed: %w (%w)", path, ErrDead, fs.ErrNotExist)
}

// readHeader reads and checks the header of a segment file.
func readHeader(f *file) (header, error) {
	b := make([]byte, headerBytes)
	n, err := f.readAt(b, 0)
	if err != nil {
		return header{}, err
	}
	st, err := f.stat() // after the header: the file grows first, and then the header says so
	if err != nil {
		return header{}, err
	}
	return parseHeader(f.path, b[:n], st.size, int64(os.Getpagesize()))
}

// openBell opens and maps the bell file. A segment whose removal was begun may have none any more: that is found by trying again.
func (s *Segment) openBell() (err error) {
	path := s.path(extBell)
	s.bell, err = openFile(path, true)
	s.bellWrite = err == nil
	if s.access == ReadOnly && errors.Is(err, fs.ErrPermission) {
		if s.bell, err = openFile(path, false); errors.Is(err, fs.ErrPermission) {
			return nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return errNonce{fault(ErrCorrupt, path, "file", "is missing, without it the segment is of no use")}
	}
	if err != nil {
		return err
	}
	b := make([]byte, bellHeaderBytes)
	n, err := s.bell.readAt(b, 0)
	if err != nil {
		return err
	}
	st, err := s.bell.stat()
	if err != nil {
		return err
	}
	if err := s.head.checkBell(path, b[:n], st.size); err != nil {
		return err
	}
	size, writable := int64(s.head.pageSize)+s.head.bellBytes, int64(0)
	if s.bellWrite {
		writable = size
	}
	s.bells, err = mapShared(s.bell, 0, size, writable, true)
	return err
}

// openLease opens the lease file twice.
func (s *Segment) openLease() (err error) {
	path := s.path(extLease)
	if s.lease, err = openFile(path, true); err == nil {
		s.ask, err = openFile(path, true)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return errNonce{fault(ErrCorrupt, path, "file", "is missing, and must not be made anew: remove the segment")}
	}
	if err != nil {
		return err
	}
	s.lease.goFirst()
	if s.lease.id != s.ask.id {
		return errNonce{fault(ErrCorrupt, path, "file", "was replaced while it was opened")}
	}
	return s.readLease(path, s.lease)
}

// readLease checks that a lease file is the segment's.
func (s *Segment) readLease(path string, f *file) error {
	b := make([]byte, leaseHeaderBytes)
	n, err := f.readAt(b, 0)
	if err != nil {
		return err
	}
	return s.head.checkLease(path, b[:n])
}
