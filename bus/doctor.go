package bus

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// A Grade says how much a Finding matters.
type Grade uint8

const (
	// Holds: a living participant has something that others may have to wait for. That is how a bus works; it is of interest when one of
	// them stands still.
	Holds Grade = iota
	// Dead: something is left by the dead. Whoever needs it takes it back, and so do handles that stand on the topic.
	Dead
	// Wrong: what no correct participant leaves behind.
	Wrong
)

// String is the grade in lower case.
func (g Grade) String() string { return [...]string{"holds", "dead", "wrong"}[min(g, Wrong)] }

// A Finding is one thing that Doctor has seen.
type Finding struct {
	Grade   Grade
	Segment string
	Topic   string // "" if it is about the segment
	Text    string
	Pid     int // of who holds it; 0 if that is not known
	// Stopped: that process is stopped, by SIGSTOP say. It is alive, and nothing of it is taken.
	Stopped bool
	// Since is when it was so already, as far as the times of frames tell; zero if they tell nothing.
	Since time.Time
	// Position and Slots are what is held: from Position on.
	Position, Slots uint64
}

// Doctor looks at everything on the bus: who holds what and since when, what the dead have left, and what cannot be. It needs no more than
// permission to read, and changes nothing; without permission to write it cannot tell who is dead. With no bus directory there is nothing
// to find.
func (b *Bus) Doctor() (all []Finding, err error) {
	err = segment.Guard(func() (err error) { all, err = b.doctor(); return err })
	return all, fail("examine", "", err)
}

func (b *Bus) doctor() ([]Finding, error) {
	const op = "examine"
	b.mu.Lock()
	defer b.mu.Unlock()
	names, err := b.segments(op)
	if err != nil {
		return nil, err
	}
	var all []Finding
	for _, name := range names {
		at, err := b.attach(name, segment.ReadWrite)
		if errors.Is(err, fs.ErrPermission) {
			at, err = b.attach(name, segment.ReadOnly)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			all = append(all, Finding{Grade: Wrong, Segment: name, Text: err.Error()})
		default:
			all = append(all, at.examine()...)
			_ = at.release()
		}
	}
	return all, nil
}

// examine looks at the topics of a segment.
func (at *attachment) examine() []Finding {
	var all []Finding
	wrong := func(topic string, text string) {
		all = append(all, Finding{Grade: Wrong, Segment: at.seg.Name(), Topic: topic, Text: text})
	}
	entries, err := at.table.All()
	if err != nil {
		wrong("", err.Error())
	}
	people := participants(at.seg)
	for _, e := range entries {
		var x topics.Examination
		if err := at.look(e, func(r *topics.Ring) { x = r.Examine() }); err != nil {
			if at.table.Is(e) {
				wrong(e.Name, err.Error())
			}
			continue
		}
		for _, text := range x.Wrong {
			wrong(e.Name, text)
		}
		found := func(g Grade, holds []topics.Hold, does string) {
			for _, h := range holds {
				f := Finding{Grade: g, Segment: at.seg.Name(), Topic: e.Name, Position: h.Position, Slots: h.Slots}
				p := people[segment.Owner(h.Owner)]
				f.Pid, f.Stopped = p.PID, p.Stopped()
				if h.Since != 0 {
					f.Since = time.Unix(0, h.Since)
				}
				f.Text = fmt.Sprintf("%s %s position %d", h.What, does, h.Position)
				if h.Slots > 0 {
					f.Text += fmt.Sprintf(" (%d slots)", h.Slots)
				}
				all = append(all, f)
			}
		}
		found(Holds, x.Claims, "has begun a frame and not finished it, at")
		found(Holds, x.Hands, "has a frame in hand, at")
		found(Holds, x.Behind, "is behind, at")
		found(Dead, x.Dead, "is dead and not reaped yet, at")
	}
	return all
}

// Kick ends the lossless subscription of that id on a topic, though its process lives: publishers do not wait for it any more. It is told
// so, with ErrKicked, by its next call; frames that it still has in hand may be overwritten. Stat and Doctor tell ids. Members of groups
// cannot be kicked: end their process, and another member gets the frame. Errors: ErrNoTopic, fs.ErrNotExist (no such subscription).
func (b *Bus) Kick(topic string, subscription uint64) error {
	const op = "kick a subscription of"
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return failKind(op, topic, ErrClosed, "")
	}
	at, e, err := b.find(topic, segment.ReadWrite)
	if err != nil {
		return fail(op, topic, err)
	}
	p, err := b.openPort(at, e, 1, wake.Block)
	if err != nil {
		return fail(op, topic, err)
	}
	defer p.abandon()
	kicked := false
	if p.quiet(func() { kicked = p.ring.Kick(subscription) }); !kicked {
		return &opError{
			op, topic, fs.ErrNotExist, fmt.Errorf("it has no lossless subscription %d", subscription),
			"'buscat stat' shows those there are",
		}
	}
	b.log.Warn("a subscription was kicked", "topic", topic, "subscription", subscription)
	p.quiet(p.ringBoth)
	return nil
}
