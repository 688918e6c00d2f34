package main

import (
	"container/heap"
	"context"
	"errors"

	"shmbus/bus"
)

// A backlog is the frames that are in the rings when a recording begins. They are recorded in the order of their times, whatever topics they
// are of: replay publishes in the order of the file. It has one frame of each topic in hand, and is sorted by their times.
type backlog []*backlogged

// A backlogged topic is one of a backlog.
type backlogged struct {
	topic *recording
	sub   *bus.Subscriber
	end   uint64 // position behind the backlog
	frame *bus.Frame
}

// next takes the next frame in hand, if there is one.
func (b *backlogged) next() bool {
	if b.sub.Stats().Position >= b.end {
		return false
	}
	var err error
	b.frame, err = b.sub.TryReceive()
	return err == nil && b.frame != nil // or else who goes on with the subscription meets it
}

func (b backlog) Len() int      { return len(b) }
func (b backlog) Swap(i, j int) { b[i], b[j] = b[j], b[i] }
func (b *backlog) Push(x any)   { *b = append(*b, x.(*backlogged)) }

// Less has frames without a time last: the time at which they are recorded is theirs.
func (b backlog) Less(i, j int) bool {
	one, other := b[i].frame.Time(), b[j].frame.Time()
	return !one.IsZero() && (other.IsZero() || one.Before(other))
}

func (b *backlog) Pop() any {
	last := (*b)[len(*b)-1]
	*b = (*b)[:len(*b)-1]
	return last
}

// catchUp records the backlog of the topics that f will follow, and leaves the subscriptions to f. What cannot be subscribed to is left to f.
func (r *recorder) catchUp(ctx context.Context, f *follower) error {
	all, unread := r.bus.Topics() // f tells more of the error, if it still comes to that
	f.unread = unread != nil && globbed(f.patterns)
	f.begun = make(map[string]*bus.Subscriber)
	var b backlog
	defer func() {
		for _, t := range b {
			t.frame.Release()
		}
	}()
	for _, info := range all {
		if !matches(f.patterns, info.Name) {
			continue
		}
		s, err := r.bus.Subscribe(ctx, info.Name, f.options...)
		if err != nil {
			continue
		}
		f.begun[info.Name] = s
		st := s.Stats()
		if t := (&backlogged{topic: r.recording(info.Name), sub: s, end: st.Position + st.Lag}); t.next() {
			heap.Push(&b, t)
		}
	}
	for len(b) > 0 {
		if ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.Canceled) {
			return context.Cause(ctx)
		}
		t := b[0]
		if err := r.keep(t.topic, t.frame, t.topic.lost); err != nil { // who goes on with the subscription counts all its losses, or else:
			for name, s := range f.begun {
				r.lost(r.topics[name], s.Lost())
			}
			return err
		}
		t.frame.Release()
		if t.next() {
			heap.Fix(&b, 0)
		} else {
			heap.Pop(&b)
		}
	}
	return nil
}
