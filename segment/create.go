package segment

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
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
	var made []*file // pinned: whatever becomes of their names, these are taken away if it fails, and no others
	defer func() {
		for _, f := range made {
			if err != nil {
				_ = f.remove()
			}
			_ = f.close()
		}
	}()
	for _, x := range files {
		path := asidePath(dir, name, x.ext, h.nonce)
		f, err := createFile(path)
		if err != nil {
			return err
		}
		pinned, err := pin(path)
		if err != nil {
			return errors.Join(err, f.close(), os.Remove(path)) // made just now, and so this creation's own
		}
		made = append(made, pinned)
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
	for i, x := range files {
		path := filepath.Join(dir, name+x.ext)
		if err := renameNew(made[i].path, path); err != nil {
			return err
		}
		made[i].path = path
		point("named " + x.ext)
	}
	return nil
}
