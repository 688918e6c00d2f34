package bus

import (
	"context"
	"errors"
	"fmt"

	"shmbus/segment"
	"shmbus/topics"
)

// Reap takes back what the dead have left, on all topics of all segments that this process may write to, and says what that was: lines of
// dead publishers and subscriptions, removals that were begun and not finished, files of no segment, ephemeral topics that nobody is on.
// Only what the kernel has proved dead counts. It can be ended at any point, and begun again; if there is nothing to take back it changes
// nothing. What members of groups had in hand is kept for other members. Where Doctor cannot look it is an error, and nothing is taken back.
func (b *Bus) Reap() ([]Finding, error) {
	const op = "reap"
	before, err := b.Doctor()
	if err != nil {
		return nil, err
	}
	lines, files := false, false
	for _, f := range before {
		lines = lines || f.Reapable() && f.Check == "dead"
		files = files || f.Reapable() && f.Check != "dead"
	}
	var errs []error
	if files { // first: who has joined a segment, to reap, keeps it
		errs = append(errs, segment.Guard(b.reapFiles))
	}
	if lines {
		errs = append(errs, segment.Guard(b.reapLines))
	}
	err = fail(op, "", errors.Join(errs...))
	after, derr := b.Doctor()
	if derr != nil { // what was done cannot be told
		return nil, errors.Join(err, derr)
	}
	still := make(map[string]bool)
	for _, f := range after {
		still[f.about()] = true
	}
	var done []Finding
	for _, f := range before {
		if f.Reapable() && !still[f.about()] {
			done = append(done, f)
		}
	}
	return done, err
}

// Same says whether two findings are about the same, at different times.
func (f Finding) Same(other Finding) bool { return f.about() == other.about() }

// about tells findings about different things apart.
func (f Finding) about() string {
	return fmt.Sprintf("%s %s %s %q", f.Check, f.Segment, f.Topic, f.what)
}

// reapFiles finishes removals, and removes files that belong to no segment, and what is deserted.
func (b *Bus) reapFiles() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	unlock, err := b.lock(context.Background())
	if err != nil {
		return err
	}
	defer unlock()
	err = segment.RemoveLeftovers(b.dir)
	errs := []error{err, b.everySegment((*attachment).finishRemovals)}
	b.free()
	return errors.Join(errs...)
}

// finishRemovals takes topics out of the table that are marked removed. The caller holds the directory's lock. What somebody else
// removes just now is theirs.
func (at *attachment) finishRemovals() error {
	entries, _ := at.table.All() // what makes no sense is left alone
	var errs []error
	for _, e := range entries {
		removed := false
		err := at.look(e, func(r *topics.Ring) { _, removed = r.Head() })
		if err == nil && removed {
			if err = at.remove(e); errors.Is(err, segment.ErrTableHeld) || err != nil && at.seg.Stale() {
				err = nil
			}
		}
		errs = append(errs, unlessDamaged(err))
	}
	return errors.Join(errs...)
}

// reapLines gives back the lines of the dead.
func (b *Bus) reapLines() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.everySegment(func(at *attachment) error {
		entries, _ := at.table.All()
		var errs []error
		for _, e := range entries {
			dead := false
			err := at.look(e, func(r *topics.Ring) { dead = r.AnyDead() })
			if err == nil && dead {
				err = at.reap(e)
			}
			errs = append(errs, unlessDamaged(err))
		}
		return errors.Join(errs...)
	})
}

// reap gives back the lines of the dead on one topic, and wakes who waits there.
func (at *attachment) reap(e topics.Entry) error {
	owner, err := at.owner()
	if err != nil {
		return err
	}
	m, err := at.seg.Map(e.Offset, e.Size, e.Size)
	if err != nil {
		return outside(e, err)
	}
	defer m.Close()
	return segment.Guard(func() error {
		r, err := openRing(at.seg, m.Bytes(), e)
		if err != nil {
			return fmt.Errorf("%s: topic %q: %w", at.seg.Path(), e.Name, err)
		}
		r.Self = uint64(owner)
		if n := r.Sweep(); n > 0 {
			at.bus.log.Info("the dead were reaped", "topic", e.Name, "lines", n)
		}
		at.giveBack(e, r)
		return at.ringTopic(e)
	})
}

// everySegment opens each segment for writing and gives it to f. Segments that are not whole, or that this process may not write to, are left
// alone: Doctor tells of them. The caller holds b.mu.
func (b *Bus) everySegment(f func(*attachment) error) error {
	return b.eachSegment("reap", segment.ReadWrite, func(at *attachment) error {
		at.visited = false // what is deserted in it is removed with the rest
		return f(at)
	}, func(name string, err error) error {
		if _, found := unopened(name, err); !found {
			return err
		}
		b.log.Debug("a segment is left alone", "segment", name, "error", err)
		return nil
	})
}

// unlessDamaged is err, or nil if it is what Doctor tells of.
func unlessDamaged(err error) error {
	if err != nil && damaged(err) {
		return nil
	}
	return err
}
