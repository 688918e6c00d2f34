package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Attempts to open a segment that is being made anew: NAME.seg was replaced during each of them.
const openAttempts = 5

// Open opens the segment NAME in a directory. It checks, in this order, each with an error of its own: magic, layout version,
// byte order, page size, nonce, offsets, size, state; then that the other files belong to the segment. It changes nothing.
//
// For ReadOnly only NAME.seg need be readable. The bell file is opened for writing if that is allowed, else for reading, else not
// at all; the lease file is not opened.
//
// If there is no segment of that name, or what there is was removed (ErrDead), wholly or in part, the error is an fs.ErrNotExist, if it may not be opened an fs.ErrPermission, also for
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
		replaced := s.seg != nil && s.gone(extSegment, s.seg) // then it says nothing of what there is now
		s.release()
		if !replaced || attempt == openAttempts {
			return nil, err
		}
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
		return errDead(s.Path(), "it was removed")
	}
	if err = s.openBell(); err != nil {
		return err
	}
	if write {
		err = s.openLease()
	} else if s.gone(extLease, nil) {
		err = s.judge(extLease, fs.ErrNotExist)
	}
	if err != nil {
		return err
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

func errDead(path, why string) error {
	return fmt.Errorf("segment %s: %s: %w (%w)", path, why, ErrDead, fs.ErrNotExist)
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

// judge is what an error about the bell file or the lease file says of the segment. With the lock of the directory nobody sees it without one of
// them, or with one of another creation: who makes a segment names NAME.seg last, and who removes it takes that name away first. But rm takes no lock.
// If the segment is made anew while it runs, it takes names away from the new files, and not from all. Nobody can come to such a segment any more: it was
// removed, as much as one that is marked dead. A nonce that differs may also have been overwritten; then the segment is one, and damaged, as
// long as anybody is in it.
func (s *Segment) judge(ext string, err error) error {
	foreign := errForeign{}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errDead(s.path(ext), "file: is missing, so its segment was removed")
	case errors.As(err, &foreign) && s.idle():
		return errDead(foreign.path, foreign.what()+", and nobody is in it")
	}
	return err
}

// inUse says whether anybody has a lock in the lease file under the segment's name: a participant, or who makes or removes a topic. Nobody has one in a file
// that a creation has left behind.
func (s *Segment) inUse() (bool, error) {
	f, err := openFile(s.path(extLease), false) // not for writing: who closes it then makes all others look who has died
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.close()
	return f.lockedAny(0, tableLock+1)
}

// tableHeld says whether somebody has the lock of the topic table.
func (s *Segment) tableHeld() bool {
	f, err := openFile(s.path(extLease), false)
	if err != nil {
		return false
	}
	defer f.close()
	held, err := f.locked(tableLock)
	return held && err == nil
}

// idle says whether it is known that nobody has a lock there.
func (s *Segment) idle() bool {
	used, err := s.inUse()
	return !used && err == nil
}

// gone says whether one of the segment's names is gone, or leads to another file than f; f may be nil, if that is not known.
func (s *Segment) gone(ext string, f *file) bool {
	st, err := statPath(s.path(ext), false)
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && f != nil && st.id != f.id
}

// torn says whether the segment was removed in part, and NAME.seg, which is open, has its name still. What cannot be told, because a file may not
// be read or makes no sense, is not so.
func (s *Segment) torn() bool {
	bad := false
	for ext, check := range map[string]func(*file) error{extBell: s.readBell, extLease: s.readLease} {
		f, err := openFile(s.path(ext), false)
		if err == nil {
			err = check(f)
			f.close()
		}
		bad = bad || errors.Is(s.judge(ext, err), ErrDead)
	}
	return bad && !s.gone(extSegment, s.seg) // last: the others may be those of the next segment
}

// openBell opens and maps the bell file.
func (s *Segment) openBell() (err error) {
	path := s.path(extBell)
	s.bell, err = openFile(path, true)
	s.bellWrite = err == nil
	if s.access == ReadOnly && errors.Is(err, fs.ErrPermission) {
		if s.bell, err = openFile(path, false); errors.Is(err, fs.ErrPermission) {
			return nil
		}
	}
	if err == nil {
		err = s.readBell(s.bell)
	}
	if err != nil {
		return s.judge(extBell, err)
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
	if err != nil {
		return s.judge(extLease, err)
	}
	s.lease.goFirst()
	if s.lease.id != s.ask.id {
		return errDead(path, "file: was replaced while it was opened")
	}
	return s.judge(extLease, s.readLease(s.lease))
}

// readBell checks that a bell file is the segment's.
func (s *Segment) readBell(f *file) error {
	b := make([]byte, bellHeaderBytes)
	n, err := f.readAt(b, 0)
	if err != nil {
		return err
	}
	st, err := f.stat()
	if err != nil {
		return err
	}
	return s.head.checkBell(f.path, b[:n], st.size)
}

// readLease checks that a lease file is the segment's.
func (s *Segment) readLease(f *file) error {
	b := make([]byte, leaseHeaderBytes)
	n, err := f.readAt(b, 0)
	if err != nil {
		return err
	}
	return s.head.checkLease(f.path, b[:n])
}
