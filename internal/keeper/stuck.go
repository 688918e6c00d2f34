package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/bus"
	"shmbus/plugins"
)

// A claim is a frame that a publisher has begun and not finished. Positions are not used again: it is told by where it begins.
type claim struct {
	bus.Finding
	since  time.Time // when it was seen first; by our clock, because the frames behind it have the times of their publishers, or none
	told   string    // why it was not ended
	killed bool      // and is reaped as soon as the process is gone
}

func (c claim) same(f bus.Finding) bool { return c.Same(f) && c.Position == f.Position }

// killStuck ends those who have held others up for too long. On each topic that is the one who has begun the oldest unfinished frame, for
// who has begun a later one may be waiting himself.
func (k *Keeper) killStuck(ctx context.Context, found []bus.Finding) {
	now := time.Now()
	oldest := make(map[string]claim)
	for _, f := range found {
		if f.Check != "claim" {
			continue
		}
		at := f.Segment + " " + f.Topic
		if o, ok := oldest[at]; ok && o.Position <= f.Position {
			continue
		}
		c := claim{Finding: f, since: now}
		if i := slices.IndexFunc(k.claims, func(c claim) bool { return c.same(f) }); i >= 0 {
			c = k.claims[i]
			c.Finding = f
		}
		oldest[at] = c
	}
	k.claims = k.claims[:0]
	for _, c := range oldest {
		if open := now.Sub(c.since); open >= time.Duration(k.config.Stuck) && !c.killed {
			err := k.end(ctx, &c, open)
			if err != nil && !errors.Is(err, errMoved) && c.told != err.Error() {
				c.told = err.Error()
				k.event(hclog.Warn, plugins.Event{Event: "stuck", Plugin: k.pluginOf(c.Pid), PID: c.Pid, Detail: fmt.Sprintf(
					"on %s: %s, for %v already, and others wait behind it; it was not killed: %v", c.Topic, c.Text, open.Round(time.Millisecond), err)})
			}
		}
		k.claims = append(k.claims, c)
	}
}

// errMoved: nobody is held up by it (any more).
var errMoved = errors.New("it holds nobody up")

// end kills the process that holds a claim. The claim is looked at before and after the pidfd is opened: the publisher whose pid that was
// before has lived on until after it, so the pidfd is of its process, and of no other that has got the pid since.
func (k *Keeper) end(ctx context.Context, c *claim, open time.Duration) error {
	who, err := k.holder(ctx, c)
	if err != nil {
		return err
	}
	if who.Pid == os.Getpid() {
		return errors.New("it is busd itself")
	}
	p, err := openProcess(who.Pid)
	if err != nil {
		return err
	}
	defer p.close()
	if err := k.here(c.Segment, who.Pid); err != nil {
		return err
	}
	if again, err := k.holder(ctx, c); err != nil {
		return err
	} else if again.ID != who.ID || again.Pid != who.Pid {
		return errMoved
	}
	name := k.pluginOf(who.Pid)
	if err := p.kill(); err != nil {
		return err
	}
	c.killed = true
	k.event(hclog.Warn, plugins.Event{Event: "killed", Plugin: name, PID: who.Pid, Detail: fmt.Sprintf(
		"on %s: %s, for %v already, and others waited behind it; stuck = %v", c.Topic, c.Text, open.Round(time.Millisecond), time.Duration(k.config.Stuck))})
	return nil
}

// holder is the living publisher that has a claim open, if that holds others up: the slot is not finished, and there are claims behind it, or cannot be.
// errMoved if not.
func (k *Keeper) holder(ctx context.Context, c *claim) (who bus.PublisherInfo, err error) {
	stat, err := k.bus.Stat(c.Topic)
	if err != nil {
		return who, err
	}
	if stat.Segment != c.Segment {
		return who, errMoved
	}
	n := 0
	for _, p := range stat.PublisherList {
		if p.Alive && p.Pid != 0 && p.Claimed > 0 && p.Claim == c.Position {
			who = p
			n++
		}
	}
	if n != 1 { // two can have announced the same position: one of them has not got it
		return who, errMoved
	}
	tap, err := k.bus.Subscribe(ctx, c.Topic, bus.ReadOnly(), bus.FromPosition(c.Position))
	if err != nil {
		return who, err
	}
	defer tap.Close()
	if f, err := tap.TryReceive(); err != nil || f != nil {
		if f != nil {
			f.Release()
		}
		return who, errors.Join(err, errMoved)
	}
	at := tap.Stats()
	untaken := stat.Tail == c.Position // it was announced: that is found only where others wait until it is taken, or given up
	if at.Position != c.Position || at.Lag <= who.Claimed && !untaken {
		return who, errMoved
	}
	return who, nil
}

// here says whether a pid that a participant of a segment calls its own means that process here, too.
func (k *Keeper) here(segment string, pid int) error {
	all, err := k.bus.Participants()
	if err != nil {
		return err
	}
	seen := false
	for _, p := range all {
		if p.Segment != segment || p.Pid != pid {
			continue
		}
		if !p.Here() {
			return errors.New("it is in another PID namespace, in another container say: its number means another process here")
		}
		seen = true
	}
	if !seen {
		return errors.New("it has just left, or who lives there may not be looked at")
	}
	return nil
}

// pluginOf is the name of the plugin whose process or runner has that pid, or "".
func (k *Keeper) pluginOf(pid int) string {
	for _, p := range k.sampler.Sample(time.Minute).Plugins {
		if pid > 0 && (p.State.Plugin.PID == pid || p.Runner.PID == pid) {
			return p.Name
		}
	}
	return ""
}
