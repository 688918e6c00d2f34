package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"shmbus/segment"
	"shmbus/topics"
)

// An Unheld is something on the bus that no living participant holds.
type Unheld struct {
	Segment string
	Topic   string // "" for the segment itself, with its files
	Frames  uint64 // ever published on the topic
	Memory  int64  // bytes
}

// Unheld is what Prune would remove now: topics on which nobody has a publisher or a subscription open, and segments in which there would
// then be none, which nobody else has joined. Taps cannot be seen: what only they look at is not held. With no bus directory there is
// nothing. It changes nothing.
func (b *Bus) Unheld() (all []Unheld, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	err = b.eachSegment("look for what nobody holds", segment.ReadWrite, func(at *attachment) error {
		found, err := at.unheld()
		all = append(all, found...)
		return err
	}, nil)
	return all, err
}

// unheld looks at one segment. A topic that cannot be looked at is held: nobody knows by whom. Then the segment is, too.
func (at *attachment) unheld() ([]Unheld, error) {
	entries, err := at.table.All()
	if err != nil {
		err = fmt.Errorf("%s: %w", at.seg.Path(), err)
	}
	errs := []error{err}
	var all []Unheld
	for _, e := range entries {
		u := Unheld{Segment: at.seg.Name(), Topic: e.Name, Memory: e.Size}
		held := true
		errs = append(errs, at.look(e, func(r *topics.Ring) {
			held = r.InUse()
			u.Frames, _ = r.Totals()
		}))
		if !held {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b Unheld) int { return strings.Compare(a.Topic, b.Topic) })
	if err := errors.Join(errs...); err != nil || len(all) < len(entries) || at.joined() {
		return all, err
	}
	size, err := at.seg.Size()
	return append(all, Unheld{Segment: at.seg.Name(), Memory: size}), err
}

// joined says whether a living participant other than this Bus has joined the segment.
func (at *attachment) joined() bool {
	for _, p := range at.seg.ParticipantTable() {
		if p.Alive && (at.participant == nil || p.Owner() != at.participant.Owner()) {
			return true
		}
	}
	return false
}

// errHeldAgain: somebody has come to what nobody held.
var errHeldAgain = errors.New("somebody holds it again")

// Prune removes what nobody holds, and says what that was. Each is looked at once more just before; who opens a topic in that very moment finds it removed, as
// after RemoveTopic.
func (b *Bus) Prune() ([]Unheld, error) {
	const op = "prune"
	all, err := b.Unheld()
	var done []Unheld
	errs := []error{err}
	for _, u := range all {
		var err error
		if u.Topic != "" {
			err = segment.Guard(func() error { return b.removeTopic(u.Topic, true) })
		} else {
			err = b.removeSegment(u.Segment)
		}
		switch {
		case err == nil:
			done = append(done, u)
		case !absent(err) && !errors.Is(err, errHeldAgain):
			errs = append(errs, fail(op, u.Topic, err))
		}
	}
	return done, errors.Join(errs...)
}

// removeSegment removes the files of a segment in which there is nothing and which nobody else has joined.
func (b *Bus) removeSegment(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	unlock, err := b.lock(context.Background())
	if err != nil {
		return err
	}
	defer unlock()
	at, err := b.attach(name, segment.ReadWrite)
	if err != nil {
		return err
	}
	err = segment.Guard(func() error {
		done, err := at.seg.LockTable()
		if errors.Is(err, segment.ErrTableHeld) {
			return errHeldAgain
		}
		if err != nil {
			return err
		}
		defer done()
		return b.removeIdle(at)
	})
	return errors.Join(err, at.release())
}

// removeIdle removes the files of a segment in which there is nothing and which nobody else has joined; otherwise it is errHeldAgain. The caller holds
// the locks of the directory and of the table, and b.mu.
func (b *Bus) removeIdle(at *attachment) error {
	found, err := at.unheld()
	switch {
	case err != nil:
		return err
	case len(found) != 1 || found[0].Topic != "":
		return errHeldAgain
	}
	return b.removeFiles(at)
}

// removeFiles removes a segment's files. The caller holds the locks of the directory and of the table, and b.mu.
func (b *Bus) removeFiles(at *attachment) error {
	if err := at.seg.Remove(); err != nil {
		return err
	}
	at.setStale(at.seg.Gone())
	b.drop(at)
	return nil
}
