package segment

import (
	"errors"
	"fmt"
)

// What can be wrong with the files. Every error that Open returns wraps one of these or an error of the operating system
// (fs.ErrNotExist, fs.ErrPermission), and names the file and the field.
var (
	// ErrNotSegment: the file is not a segment: no regular file, or its first bytes are something else.
	ErrNotSegment = errors.New("not a segment")
	// ErrVersion: the file has a layout of another version.
	ErrVersion = errors.New("layout version not understood")
	// ErrByteOrder: the file was made on a machine of the other byte order.
	ErrByteOrder = errors.New("wrong byte order")
	// ErrPageSize: the file was made by a kernel with another page size.
	ErrPageSize = errors.New("wrong page size")
	// ErrTruncated: the file is shorter than its header says.
	ErrTruncated = errors.New("truncated")
	// ErrCorrupt: a field has an impossible value.
	ErrCorrupt = errors.New("corrupt segment")
	// ErrDead: the segment was removed, or its removal was begun, or one of its three files is gone, or another segment's and nobody is in it. Such an error is
	// also an fs.ErrNotExist: Create replaces what is left, when nobody is in it any more.
	ErrDead = errors.New("segment is dead")
)

// What else can go wrong.
var (
	// ErrNoSpace: the file system has no room. What was begun has been taken back.
	ErrNoSpace = errors.New("no space")
	// ErrParticipants: every slot of the participant table is held.
	ErrParticipants = errors.New("too many participants")
	// ErrLeaseLost: the lock that proves a participant alive is gone though nobody left. The handle must not write any more.
	ErrLeaseLost = errors.New("lease lost")
	// ErrLockHeld: somebody else has the lock of the directory.
	ErrLockHeld = errors.New("somebody else makes or removes something")
	// ErrTableHeld: somebody else makes or removes a topic just now, or the segment.
	ErrTableHeld = errors.New("somebody else makes or removes a topic")
	// ErrReadOnly: the segment was opened ReadOnly.
	ErrReadOnly = errors.New("segment is open read-only")
	// ErrFileSystem: the directory is on a file system that cannot hold a bus.
	ErrFileSystem = errors.New("file system cannot hold a bus")
	// ErrForeignDir: the default directory was made by somebody else.
	ErrForeignDir = errors.New("directory belongs to another user")
	// ErrRange: an offset or size that is not page aligned or not within the segment.
	ErrRange = errors.New("range not within the segment")
)

// fault is an error about one field of one file.
func fault(kind error, path, field, format string, args ...any) error {
	return fmt.Errorf("segment %s: %s: %s: %w", path, field, fmt.Sprintf(format, args...), kind)
}
