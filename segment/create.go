package segment

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Create makes a segment and opens it for writing. The caller holds the lock of the directory. If there is a segment of that name
// the error is an fs.ErrExist; one that is dead and that nobody is in, or whose files are not all there any more, or files of one that was never finished, are
// replaced.
//
// The files are made aside, with all their space reserved, and then get their names, NAME.seg last. If that cannot be done (an
// ErrNoSpace, say) nothing is left behind. A process that ends in the middle leaves files that the next Create in the directory
// removes.
func Create(dir, name string, o Options) (*Segment, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := checkDir(dir); err != nil {
		return nil, err
	}
	h, err := newHeader(o)
	if err != nil {
		return nil, err
	}
	modes, err := o.files(dir)
	if err != nil {
		return nil, err
	}
	if err := clearAway(dir, name); err != nil {
		return nil, err
	}
	if err := publish(dir, name, h, modes); err != nil {
		return nil, err
	}
	point("published")
	return Open(dir, name, ReadWrite)
}

// newHeader is the header of a segment that is to be made.
func newHeader(o Options) (*header, error) {
	page := int64(os.Getpagesize())
	participants, table, bells, err := o.sizes(page)
	if err != nil {
		return nil, err
	}
	var b [8]byte
	rand.Read(b[:])
	now := uint64(time.Now().UnixNano())
	h := &header{
		pageSize: uint64(page), nonce: max(binary.NativeEndian.Uint64(b[:]), 1), generation: now, created: now,
		table: page, tableBytes: table, participants: page + table, participantCount: participants,
		bellBytes: bells, ephemeral: o.Ephemeral, state: stateLive,
	}
	h.regionsStart = roundUp(h.participants+participants*participantBytes, page)
	h.regionsEnd = h.regionsStart
	return h, nil
}

// clearAway removes what creations and removals that did not end have left, and says fs.ErrExist if there is a segment.
func clearAway(dir, name string) error {
	switch dead, err := isDead(dir, name); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !dead:
		return fmt.Errorf("segment %s: there is a file of that name: %w", filepath.Join(dir, name+extSegment), fs.ErrExist)
	default:
		if err := Remove(dir, name); !errors.Is(err, fs.ErrNotExist) && err != nil {
			return err
		}
	}
	for _, ext := range []string{extBell, extLease} { // which are replaced, if they are files
		if err := checkRegular(filepath.Join(dir, name+ext)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if isAside(e.Name()) {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	return nil
}

// isDead tells whether NAME.seg is of a segment that was removed, wholly or in part, and that nobody is in. It looks at that file first: while it has its name
// the other two have theirs, unless somebody takes them away. That somebody is in it counts for more than a word of a header: one that was overwritten
// must not make anybody remove a segment from under those who use it.
func isDead(dir, name string) (dead bool, err error) {
	s := &Segment{dir: dir, name: name}
	defer s.release()
	if s.seg, err = openFile(s.Path(), false); err != nil {
		return false, err
	}
	if s.head, err = readHeader(s.seg); err != nil {
		return false, err
	}
	if s.head.state == stateDead && s.inUse() {
		return false, fault(ErrCorrupt, s.Path(), "state", "says that it was removed, and somebody is in it")
	}
	return s.head.state == stateDead || s.torn(), nil
}

// IsEphemeral says whether a segment was made to be removed with its last participant. It only reads the header; what cannot be read is not.
func IsEphemeral(dir, name string) bool {
	f, err := openFile(filepath.Join(dir, name+extSegment), false)
	if err != nil {
		return false
	}
	defer f.close()
	h, err := readHeader(f)
	return err == nil && h.state == stateLive && h.ephemeral
}

// publish makes the three files and gives them their names.
func publish(dir, name string, h *header, modes fileModes) (err error) {
	files := []struct {
		ext    string
		mode   fs.FileMode
		size   int64
		header []byte
	}{
		{extLease, modes.lock, leaseHeaderBytes, h.encodeLease()},
		{extBell, modes.bell, int64(h.pageSize) + h.bellBytes, h.encodeBell()},
		{extSegment, modes.shared, h.regionsEnd, h.encode()},
	}
	var undo []string
	defer func() {
		if err != nil {
			for _, path := range undo {
				os.Remove(path)
			}
		}
	}()
	for _, x := range files {
		path := asidePath(dir, name, x.ext, h.nonce)
		f, err := createFile(path)
		if err != nil {
			return err
		}
		undo = append(undo, path)
		point("created " + x.ext)
		if err = f.reserve(0, x.size); err == nil {
			err = f.writeAt(x.header, 0)
		}
		if err == nil {
			err = modes.apply(f, x.mode)
		}
		if err = errors.Join(err, f.close()); err != nil {
			return err
		}
		point("filled " + x.ext)
	}
	for _, x := range files {
		path := filepath.Join(dir, name+x.ext)
		if x.ext == extSegment {
			err = renameNew(asidePath(dir, name, x.ext, h.nonce), path)
		} else if err = os.Rename(asidePath(dir, name, x.ext, h.nonce), path); err == nil {
			undo = append(undo, path)
		}
		if err != nil {
			return err
		}
		point("named " + x.ext)
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
	path := filepath.Join(dir, name+extSegment)
	if f, err := openFile(path, true); err == nil {
		if _, err := readHeader(f); err == nil {
			f.writeAt(order.AppendUint64(nil, stateDead), offState)
		}
		f.close()
	} // a file that cannot be opened is not marked; Stale sees that it is gone
	point("marked dead")
	var errs []error
	for _, ext := range []string{extSegment, extBell, extLease} {
		err := os.Remove(filepath.Join(dir, name+ext))
		if ext == extSegment && err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err // the others belong to a segment that is still there
		}
		if ext == extSegment || !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		point("removed " + ext)
	}
	return errors.Join(errs...)
}
