package bus

import (
	"time"

	"shmbus/segment"
)

// A Participant is a living Bus handle, in whatever process, that has joined a segment: with a publisher, a subscription that is no tap, or
// by making a topic in an ephemeral segment.
type Participant struct {
	Segment string
	Pid     int       // as the process itself knows it
	Since   time.Time // when it joined

	info segment.ParticipantInfo
}

// Here says whether the process is to be seen from here, under its pid, at the moment. If not it is in another PID namespace, in another
// container say.
func (p Participant) Here() bool { return p.info.Here() }

// Stopped says whether the process is stopped at the moment, as far as it is to be seen from here.
func (p Participant) Stopped() bool { return p.info.Stopped() }

// Participants is who has joined the segments of the bus and lives. Segments that this process may not open for writing are left out:
// who lives there cannot be told.
func (b *Bus) Participants() (all []Participant, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	err = b.eachSegment("look for the participants", segment.ReadWrite, func(at *attachment) error {
		at.living(&all)
		return nil
	}, deniedIsNothing)
	return all, err
}

// living appends the participants of a segment.
func (at *attachment) living(to *[]Participant) {
	for _, p := range at.seg.ParticipantTable() {
		if p.Alive && p.Known && p.PID != 0 {
			*to = append(*to, Participant{at.seg.Name(), p.PID, p.Opened, p})
		}
	}
}
