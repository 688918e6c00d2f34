package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Segments are made and removed with the lock of the directory. But rm can take the lock file away from under who has the lock. Then another one
// gets one, too, and may make a whole segment, which is used, while the first one is stopped between a look and what follows from it. So the first one gives
// names only where there are none, and takes away no name but of the very files that it has looked at.

// remains is what there was under the three names of a segment when it was looked at.
type remains struct {
	s     *Segment // its seg is open, once dead has been asked
	files []*file  // pinned: those that there are of NAME.lease, NAME.bell and, last, NAME.seg
}

// errDeadInUse: a word that was overwritten.
var errDeadInUse = fmt.Errorf("somebody is in it: %w", ErrCorrupt)

// lookAt pins what there is of a segment.
func lookAt(dir, name string) (*remains, error) {
	r := &remains{s: &Segment{dir: dir, name: name}}
	for _, ext := range []string{extLease, extBell, extSegment} {
		f, err := pin(r.s.path(ext))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			r.close()
			return nil, err
		}
		r.files = append(r.files, f)
	}
	return r, nil
}

func (r *remains) close() {
	_ = r.s.release()
	for _, f := range r.files {
		_ = f.close()
	}
}

// seg is NAME.seg, or nil.
func (r *remains) seg() *file {
	if n := len(r.files); n > 0 && r.files[n-1].path == r.s.Path() {
		return r.files[n-1]
	}
	return nil
}

// dead says whether it is a segment that was removed, wholly or in part, and that nobody is in. That somebody is in it counts for more than a word of a
// header: one that was overwritten must not make anybody remove a segment from under those who use it. An fs.ErrNotExist: there is no NAME.seg.
func (r *remains) dead() (dead bool, err error) {
	s, pinned := r.s, r.seg()
	if pinned == nil {
		return false, fmt.Errorf("segment %s: %w", s.Path(), fs.ErrNotExist)
	}
	if s.seg, err = openFile(s.Path(), false); err != nil {
		return false, err
	}
	if s.seg.id != pinned.id {
		return false, nil // it was made anew meanwhile
	}
	if s.head, err = readHeader(s.seg); err != nil {
		return false, err
	}
	switch {
	case s.torn(): // a name that is gone is no word that was overwritten
		return true, nil
	case s.head.state != stateDead:
		return false, nil
	}
	switch used, err := s.inUse(); {
	case err != nil || !used:
		return err == nil, err
	case s.tableHeld(): // by who is just removing it
		return false, fmt.Errorf("segment %s: %w", s.Path(), ErrTableHeld)
	case s.gone(extSegment, s.seg): // whoever is in it may be in the next one
		return false, nil
	}
	return false, fault(errDeadInUse, s.Path(), "state", "says that it was removed")
}

// take marks the segment dead and takes its names away, NAME.seg first: the others only where nothing has that name then. Where this process may not
// take them away nothing is marked: a segment that is dead and has its name could be used by nobody, nor made anew.
func (r *remains) take() error {
	for _, f := range r.files {
		if err := f.mayRemove(); err != nil {
			return err
		}
	}
	if pinned := r.seg(); pinned != nil {
		if f, err := openFile(pinned.path, true); err == nil { // one that cannot be opened is not marked; Stale sees that it is gone
			if _, err := readHeader(f); err == nil && f.id == pinned.id {
				_ = f.writeAt(order.AppendUint64(nil, stateDead), offState)
			}
			_ = f.close()
		}
	}
	point("marked dead")
	var errs []error
	for i := len(r.files) - 1; i >= 0; i-- {
		f := r.files[i]
		if f != r.seg() {
			if _, err := statPath(r.s.Path(), false); !errors.Is(err, fs.ErrNotExist) {
				break // they belong to a segment that is still there, or to another one
			}
		}
		if err := f.remove(); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		point("removed " + filepath.Ext(f.path))
	}
	return errors.Join(errs...)
}

// remove takes the name of a file away, unless it leads to another one. Nobody may be stopped between the look and the removal for as long as it takes
// others to remove that file and to make another one of its name, with a lock that rm took away: the kernel has no call that does both.
func (f *file) remove() error {
	st, err := statPath(f.path, false)
	if err == nil && st.id != f.id {
		err = &fs.PathError{Op: "remove", Path: f.path, Err: fs.ErrNotExist}
	}
	if err != nil {
		return err
	}
	return os.Remove(f.path)
}

// isDead is dead for who only looks.
func isDead(dir, name string) (dead bool, err error) {
	r, err := lookAt(dir, name)
	if err != nil {
		return false, err
	}
	defer r.close()
	return r.dead()
}

// clearAway removes what creations and removals that did not end have left, and says fs.ErrExist if there is a segment.
func clearAway(dir, name string) error {
	r, err := lookAt(dir, name)
	if err != nil {
		return err
	}
	defer r.close()
	switch dead, err := r.dead(); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !dead:
		return fmt.Errorf("segment %s: there is a file of that name: %w", r.s.Path(), fs.ErrExist)
	}
	for _, f := range r.files {
		if err := checkRegular(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(r.files) > 0 {
		if err := r.take(); err != nil {
			return err
		}
	}
	sweepAside(dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if unfinished(e) {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	return nil
}

// Remove marks a segment dead and removes its files, NAME.seg first. The caller holds the lock of the directory. Files that are no
// segment are removed as well, as long as they bear the name of one. If there is no NAME.seg the error is an fs.ErrNotExist, and
// what else may be left of it is removed.
func Remove(dir, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := checkDir(dir); err != nil {
		return err
	}
	r, err := lookAt(dir, name)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.take(); err != nil || r.seg() != nil {
		return err
	}
	return fmt.Errorf("segment %s: %w", r.s.Path(), fs.ErrNotExist)
}

// Remove marks the segment dead and removes its files. The caller holds the lock of the directory. If another one has its name the error is an ErrDead, and
// that one stays.
func (s *Segment) Remove() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return s.errClosed()
	}
	r, err := lookAt(s.dir, s.name)
	if err != nil {
		return err
	}
	defer r.close()
	if s.gone(extSegment, s.seg) {
		return errDead(s.Path(), "it was removed")
	}
	return r.take()
}
