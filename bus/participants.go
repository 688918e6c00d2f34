package bus

import (
	"errors"
	"io/fs"
	"time"

	"shmbus/segment"
)

// A Participant is a living Bus handle, in whatever process, that has joined a segment: with a publisher, a subscription that is no tap, or
// by making a topic in an ephemeral segment.
type Participant struct {
	Segment string
	Pid     int       // as the process itself knows it
	Since   time.Time // when it joined
	// Here: the process is to be seen from here, under this pid. If not it is in another PID namespace, in another container say.
	Here    bool
	Stopped bool
}

// Participants is who has joined the segments of the bus and lives. Segments that this process may not open for writing are left out:
// who lives there cannot be told.
func (b *Bus) Participants() (all []Participant, err error) {
	const op = "look for the participants"
	b.mu.Lock()
	defer b.mu.Unlock()
	names, err := b.segments(op)
	if err != nil {
		return nil, err
	}
	var bad []error
	for _, name := range names {
		err := b.visit(name, segment.ReadWrite, func(at *attachment) error {
			return segment.Guard(func() error {
				for _, p := range at.seg.ParticipantTable() {
					if p.Alive && p.Known && p.PID != 0 {
						all = append(all, Participant{name, p.PID, p.Opened, p.Here(), p.Stopped()})
					}
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			bad = append(bad, fail(op, "", err))
		}
	}
	return all, errors.Join(bad...)
}
