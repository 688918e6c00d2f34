package segment

import (
	"fmt"
	"io/fs"
	"os"
)

// Access says what a segment is opened for.
type Access uint8

const (
	// ReadOnly needs no more than permission to read NAME.seg, and changes nothing in it.
	ReadOnly Access = iota
	// ReadWrite opens all three files for writing.
	ReadWrite
)

// String is "read-only" or "read-write".
func (a Access) String() string {
	if a == ReadWrite {
		return "read-write"
	}
	return "read-only"
}

// Options say how directories and segments are made. The zero Options are ready to use.
//
// Permissions are set on the opened file and do not depend on the umask. The modes of files follow from the mode of the
// directory: NAME.seg has its read and write bits; NAME.lease and bus.lock are open, for reading and writing, to those who
// may write, and to nobody else.
type Options struct {
	// Mode is the mode of the directory: permission bits, fs.ModeSetgid and fs.ModeSticky. The owner always has all
	// permissions. 0: a directory is made 0700; files follow the directory they are made in.
	Mode fs.FileMode
	// BellMode is the mode of NAME.bell. 0: the same as NAME.seg. With write permission for those who may only read
	// NAME.seg, taps sleep until they are woken; without, they poll.
	BellMode fs.FileMode
	// Group is the group of the directory and of the files. nil: a new directory keeps the group of its maker; files get
	// the group of the directory where the system allows it.
	Group *int
	// Participants is the number of slots of the participant table, at most 65535. 0: 1024.
	Participants int
	// TableBytes is the size of the topic table, in bytes, rounded up to whole pages. 0: one page.
	TableBytes int
	// BellBytes is the size of the bells, in bytes, rounded up to whole pages. 0: one page.
	BellBytes int
	// Ephemeral is a mark for those who use the segment: it is to be removed with its last participant.
	Ephemeral bool
}

// sizes are the options of a new segment, checked and rounded.
func (o Options) sizes(page int64) (participants, table, bells int64, err error) {
	participants, table, bells = int64(o.Participants), int64(o.TableBytes), int64(o.BellBytes)
	if participants == 0 {
		participants = defaultParticipants
	}
	switch {
	case participants < 1 || participants > maxParticipants:
		return 0, 0, 0, fmt.Errorf("segment: Options.Participants is %d, must be 1 to %d", participants, maxParticipants)
	case table < 0 || table > maxTableBytes:
		return 0, 0, 0, fmt.Errorf("segment: Options.TableBytes is %d, must be 0 to %d", table, maxTableBytes)
	case bells < 0 || bells > maxBellBytes:
		return 0, 0, 0, fmt.Errorf("segment: Options.BellBytes is %d, must be 0 to %d", bells, maxBellBytes)
	}
	return participants, roundUp(max(table, 1), page), roundUp(max(bells, 1), page), nil
}

// dirMode is the mode of a new directory.
func (o Options) dirMode() fs.FileMode {
	if o.Mode == 0 {
		return 0o700
	}
	return o.Mode&(fs.ModePerm|fs.ModeSetgid|fs.ModeSticky) | 0o700
}

// fileModes are the modes of files that everybody on the bus may open, and of those that only writers may.
type fileModes struct {
	shared, bell, lock fs.FileMode
	group              int  // -1: leave
	must               bool // failing to set the group is an error
}

// files are the modes of files to be made in a directory.
func (o Options) files(dir string) (fileModes, error) {
	mode := o.Mode
	m := fileModes{group: -1}
	st, err := statPath(dir, true)
	if err != nil {
		return m, err
	}
	if mode == 0 {
		mode = st.mode
	}
	m.shared = mode&0o666 | 0o600
	m.bell = m.shared
	if o.BellMode != 0 {
		m.bell = o.BellMode&0o666 | 0o600
	}
	m.lock = 0o600
	if mode&0o020 != 0 {
		m.lock |= 0o060
	}
	if mode&0o002 != 0 {
		m.lock |= 0o006
	}
	switch {
	case o.Group != nil:
		m.group, m.must = *o.Group, true
	case mode&0o070 != 0:
		m.group = st.gid
	}
	return m, nil
}

// apply sets the group and the mode of an opened file. In this order: a change of the group may clear mode bits.
func (m fileModes) apply(f *file, mode fs.FileMode) error {
	if m.group >= 0 {
		if err := f.chown(m.group); err != nil && m.must {
			return fmt.Errorf("segment: giving %s to group %d: %w", f.path, m.group, err)
		}
	}
	return f.chmod(mode)
}

// DefaultDir is the bus directory of those who name none: $SHMBUS_DIR, or a directory of the user's own in /dev/shm.
func DefaultDir() string {
	if d := os.Getenv("SHMBUS_DIR"); d != "" {
		return d
	}
	return builtinDir()
}
