package bus

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// A Grade says how much a Finding matters.
type Grade uint8

const (
	// Info: worth knowing, and nothing is wrong.
	Info Grade = iota
	// Holds: a living participant has something that others may have to wait for. That is how a bus works; it is of interest when one of
	// them stands still.
	Holds
	// Dead: something is left by the dead. Whoever needs it takes it back, and so do handles that stand on the topic, and Reap.
	Dead
	// Warning: it works, and may not much longer, or not for all.
	Warning
	// Wrong: what no correct participant leaves behind, or what keeps the bus from working.
	Wrong
)

// String is the grade in lower case.
func (g Grade) String() string {
	return [...]string{"info", "holds", "dead", "warning", "wrong"}[min(g, Wrong)]
}

// A Finding is one thing that Doctor has seen.
type Finding struct {
	Grade   Grade
	Check   string // a short name of this kind of finding, which stays the same
	Segment string
	Topic   string // "" if it is about the segment, or the directory
	Text    string
	Todo    string // what to do about it; "" if nothing needs to be done
	Pid     int    // of who holds it; 0 if that is not known
	// Stopped: that process is stopped, by SIGSTOP say. It is alive, and nothing of it is taken.
	Stopped bool
	// Since is when it was so already, as far as the times of frames tell; zero if they tell nothing.
	Since time.Time
	// Position and Slots are what is held: from Position on.
	Position, Slots uint64
	// Ring is the number of slots in the topic's ring; 0 if that is not known.
	Ring uint64

	what string // with Check and Topic it says whether two findings are about the same
}

// Reapable says whether Reap does something about the finding.
func (f Finding) Reapable() bool { return f.Grade == Dead && f.Check != checkKept }

const checkKept = "dead-frame"

// Doctor looks at everything on the bus: who holds what and since when, what the dead have left, and what cannot be. It needs no more than
// permission to read, and changes nothing; without permission to write it cannot tell who is dead. With no bus directory there is nothing
// to find. What cannot be looked at for another reason than what it is, such as too little memory or too few descriptors, is an error, and
// nothing is said then.
func (b *Bus) Doctor() (all []Finding, err error) {
	err = segment.Guard(func() (err error) { all, err = b.doctor(); return err })
	return all, fail("examine", "", err)
}

func (b *Bus) doctor() (all []Finding, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	err = b.eachSegment("examine", segment.ReadWrite, func(at *attachment) error {
		found, err := at.examine()
		all = append(all, found...)
		return err
	}, func(name string, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			var at *attachment
			if at, err = b.visit(name, segment.ReadOnly); err == nil {
				err := segment.Guard(func() error {
					found, err := at.examine()
					all = append(append(all, mayOnlyRead(name)), found...)
					return err
				})
				return errors.Join(err, at.release())
			}
		}
		f, found := unopened(name, err)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case !found:
			return err
		default:
			all = append(all, f)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	more, err := b.examineFiles()
	if err != nil {
		return nil, err
	}
	return append(all, more...), nil
}

// examine looks at the topics of a segment.
func (at *attachment) examine() ([]Finding, error) {
	all, err := at.examineTables()
	for i := range all {
		all[i].Segment = at.seg.Name()
	}
	return all, err
}

func (at *attachment) examineTables() ([]Finding, error) {
	var all []Finding
	wrong := func(check, topic, text, todo string) {
		all = append(all, Finding{Grade: Wrong, Check: check, Topic: topic, Text: text, Todo: todo})
	}
	entries, err := at.table.All()
	if err != nil {
		wrong("corrupt-table", "", err.Error(), todoFiles)
	}
	if end, err := at.seg.RegionsEnd(); err == nil {
		if err := at.table.Within(end); err != nil {
			wrong("corrupt-table", "", err.Error(), todoFiles)
		}
	}
	all = append(append(all, at.examineRoom(entries)...), at.examineParticipants()...)
	people := participants(at.seg)
	for _, e := range entries {
		var x topics.Examination
		var ring uint64
		if err := at.look(e, func(r *topics.Ring) {
			x = r.Examine()
			ring = uint64(r.Geometry().Slots)
		}); err != nil {
			switch {
			case !at.table.Is(e):
			case !damaged(err):
				return all, err
			default:
				wrong("corrupt-topic", e.Name, err.Error(), todoTopic(e.Name))
			}
			continue
		}
		if x.Removed && at.abandonedRemoval(e) {
			all = append(all, Finding{
				Grade: Dead, Check: "half-removed", Topic: e.Name, Todo: todoReap,
				Text: "the topic's removal was begun, and who began it is gone",
			})
		}
		for _, text := range x.Wrong {
			wrong("corrupt-ring", e.Name, text, todoTopic(e.Name))
		}
		found := func(g Grade, check string, holds []topics.Hold, does string, todo func(h topics.Hold, pid int) string) {
			for _, h := range holds {
				f := Finding{Grade: g, Check: check, Topic: e.Name, Position: h.Position, Slots: h.Slots, Ring: ring, what: h.What}
				p := people[segment.Owner(h.Owner)]
				f.Pid, f.Stopped = p.PID, p.Stopped()
				if h.Since != 0 {
					f.Since = time.Unix(0, h.Since)
				}
				f.Text = fmt.Sprintf("%s %s position %d", h.What, does, h.Position)
				if h.Slots > 0 {
					f.Text += fmt.Sprintf(" (%d slots)", h.Slots)
				}
				f.Todo = todo(h, f.Pid)
				all = append(all, f)
			}
		}
		found(Holds, "claim", x.Claims, "has begun a frame and not finished it, at", todoEnd)
		found(Holds, "in-hand", x.Hands, "has a frame in hand, at", todoEnd)
		found(Holds, "group-busy", x.Busy, "is just being made or given back, at", todoEnd)
		found(Holds, "behind", x.Behind, "is behind, at", todoBehind(e.Name))
		found(Dead, "dead", x.Dead, "is dead and not reaped yet, at", todoDead)
		found(Dead, checkKept, x.Kept, "is dead or has left with a frame in hand, at", todoKept)
	}
	return append(all, at.examineDeserted()...), nil
}

// Kick ends the lossless subscription of that id on a topic, though its process lives: publishers do not wait for it any more. It is told
// so, with ErrKicked, by Frame.Err, and by its calls once they have handed out what it had read ahead, up to 32 frames; those, and frames that it has in hand, may be
// overwritten under its eyes. Stat and Doctor tell ids. Members of groups
// cannot be kicked: end their process, and another member gets the frame, also one that is started when they are gone. Errors: ErrNoTopic, fs.ErrNotExist (no such lossless subscription).
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
	p, err := b.openPort(at, e, 1, wake.Block, nil)
	if err != nil {
		return fail(op, topic, err)
	}
	defer p.abandon()
	var cause error
	var hint string
	err = segment.Guard(func() error {
		if !p.ring.Kick(subscription) {
			hint, cause = p.unkicked(subscription)
		}
		p.ringBoth()
		return p.gone(op) // what was cut short reads as zeros
	})
	switch {
	case err != nil:
		return fail(op, topic, err)
	case cause != nil:
		return &opError{op, topic, fs.ErrNotExist, cause, hint}
	}
	b.log.Warn("a subscription was kicked", "topic", topic, "subscription", subscription)
	return nil
}

// todoMember is what to do about a member of a group, instead of kicking it.
func (p *port) todoMember(g topics.GateInfo) string {
	switch {
	case !g.Abandoned && p.at.shows(g.Owner):
		return "end " + describe(p.at.seg, g.Owner) + ", and its frame goes to another member"
	case g.Holds:
		return "it is dead or has left: start another member, and that gets its frame"
	}
	return "it is dead or has left, without a frame in hand: it holds nobody up"
}

// unkicked says why there is nothing to kick, with what there is, and what to do instead.
func (p *port) unkicked(subscription uint64) (hint string, cause error) {
	var others []string
	for _, g := range p.ring.Gates() {
		switch {
		case g.Subscription == subscription && g.Mode == topics.Member:
			return p.todoMember(g),
				fmt.Errorf("subscription %d is a member of group %s, and cannot be kicked", subscription, g.Group)
		case g.Subscription == subscription && g.Mode == topics.Lossy:
			return "there is no need to kick it", fmt.Errorf("subscription %d is lossy, and holds nobody up", subscription)
		case g.Mode == topics.Gate:
			others = append(others, fmt.Sprint(g.Subscription))
		}
	}
	have := "nor any other"
	if others != nil {
		have = "but " + strings.Join(others, ", ")
	}
	return "", fmt.Errorf("it has no lossless subscription %d, %s", subscription, have)
}
