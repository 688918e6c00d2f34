package bus

import (
	"errors"
	"fmt"
	"io/fs"

	"shmbus/segment"
	"shmbus/topics"
)

// What to do about what the doctor finds.

const (
	todoReap  = "whoever needs it takes it back; 'buscat doctor --fix' does so now"
	todoFiles = "stop its users, then remove the segment's files"
)

func todoTopic(topic string) string {
	return fmt.Sprintf("remove the topic ('buscat rm %s') and make it again", topic)
}

func todoEnd(_ topics.Hold, pid int) string {
	if pid == 0 {
		return "if it stands still, end that process: what it holds is taken back at once"
	}
	return fmt.Sprintf("if it stands still, continue or end process %d: what it holds is taken back at once", pid)
}

func todoLeave(pid int) string {
	if pid == 0 {
		return "its process puts it right within some seconds; if it does not, being stopped perhaps, end that process"
	}
	return fmt.Sprintf("its process puts it right within some seconds; if it does not, being stopped perhaps, end process %d", pid)
}

func todoBehind(topic string) func(topics.Hold, int) string {
	return func(h topics.Hold, pid int) string {
		if h.Subscription == 0 {
			return "if it stands still, start more members of the group"
		}
		return fmt.Sprintf("if it stands still, end it: 'buscat kick %s %d'", topic, h.Subscription)
	}
}

func todoDead(topics.Hold, int) string { return todoReap }

func todoKept(topics.Hold, int) string {
	return "the frame is kept for another member: start one, and it gets the frame"
}

// unopened is the finding about a segment that cannot be opened. false: the error says nothing of the segment.
func unopened(name string, err error) (f Finding, found bool) {
	for _, k := range []struct {
		is          error
		grade       Grade
		check, todo string
	}{
		{segment.ErrVersion, Wrong, "layout-version", "stop the users of the other version, then remove the segment's files; or use the buscat that belongs to it"},
		{segment.ErrByteOrder, Wrong, "byte-order", "it was made on a machine of the other byte order: remove the segment's files"},
		{segment.ErrPageSize, Wrong, "page-size", "it was made by a kernel with another page size: remove the segment's files"},
		{segment.ErrTruncated, Wrong, "truncated", todoFiles},
		{segment.ErrNotSegment, Wrong, "not-segment", "move the file away"},
		{segment.ErrFileSystem, Wrong, "file-system", "use /dev/shm or a local disk"},
		{segment.ErrForeignDir, Wrong, "foreign-directory", "remove it, or set SHMBUS_DIR to another directory"},
		{fs.ErrPermission, Warning, "no-access", "ask the owner of the directory for permission (bus.WithMode, bus.WithGroup), or look as that user"},
	} {
		if errors.Is(err, k.is) {
			return Finding{Grade: k.grade, Check: k.check, Segment: name, Text: err.Error(), Todo: k.todo}, true
		}
	}
	return Finding{Grade: Wrong, Check: "corrupt-segment", Segment: name, Text: err.Error(), Todo: todoFiles}, damaged(err)
}

// damaged says whether an error tells of damage to what was looked at: it is cut short, or has holes that cannot be filled. Any other one is of
// who looks: it may lack memory, or descriptors.
func damaged(err error) bool {
	for _, kind := range []error{topics.ErrCorrupt, segment.ErrCorrupt, segment.ErrTruncated, segment.ErrNoSpace} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// mayOnlyRead is the finding about a segment that this user may only look at.
func mayOnlyRead(name string) Finding {
	return Finding{
		Grade: Info, Check: "read-only", Segment: name, Text: "you may only read this segment: who is dead cannot be told",
		Todo: "look as a user who may publish",
	}
}
