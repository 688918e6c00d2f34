package bus

import (
	"errors"
	"io/fs"

	"shmbus/segment"
)

// A Survey is what there is on a bus.
type Survey struct {
	Topics       []TopicInfo // as Bus.Topics tells
	Participants []Participant
	Segments     []SegmentInfo
}

// A SegmentInfo is what can be seen of a segment.
type SegmentInfo struct {
	Name   string
	Memory int64  // bytes that its file takes now
	Nonce  uint64 // tells it from one of its name that was there before its files were removed
}

// Survey is Topics and Participants in one go, for those who look again and again. What cannot be read is reported in the error, beside the
// rest. As for Topics permission to read is enough; who lives in segments that this process may not write to cannot be told.
func (b *Bus) Survey() (s Survey, err error) {
	const op = "survey"
	b.mu.Lock()
	defer b.mu.Unlock()
	look := func(at *attachment) error {
		memory, err := at.seg.Allocated()
		s.Segments = append(s.Segments, SegmentInfo{at.seg.Name(), memory, at.seg.Nonce()})
		err = errors.Join(fail(op, "", err), at.infos(op, &s.Topics))
		at.living(&s.Participants)
		return err
	}
	err = b.eachSegment(op, segment.ReadWrite, look, func(name string, err error) error {
		at, roErr := b.visit(name, segment.ReadOnly)
		if roErr != nil {
			return err
		}
		if errors.Is(err, fs.ErrPermission) {
			err = nil
		}
		return errors.Join(err, segment.Guard(func() error { return look(at) }), at.release())
	})
	byName(s.Topics)
	return s, err
}
