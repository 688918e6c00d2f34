package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/segment"
	"shmbus/topics"
)

// parsePatterns reads the topics of a command line: names, and patterns with '*'.
func parsePatterns(c *cobra.Command, args []string) ([]topics.Pattern, error) {
	if len(args) == 0 {
		return nil, usage(c, "no topic given; 'buscat ls' shows those there are")
	}
	var all []topics.Pattern
	for _, arg := range args {
		p, err := topics.ParsePattern(arg)
		if err != nil {
			return nil, usage(c, "%w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

// A follower subscribes to topics by name and by pattern: those that are there, and those that come.
type follower struct {
	*app
	bus      *bus.Bus
	patterns []topics.Pattern
	options  []bus.SubscribeOption // for all of them; where to start counts for topics that are there
	// run is called for each subscription, on a goroutine of its own, and closes it. An error ends all.
	run func(ctx context.Context, s *bus.Subscriber) error
	// refused is told of a topic that matches a pattern and cannot be subscribed to; nil from it goes on without that topic. nil: an error
	// ends all.
	refused func(topic string, err error) error
	// explain puts an error of subscribing to a topic that was given by name into other words; nil: it stays as it is.
	explain func(topic string, err error) error
	// waits is told of a topic that was given by name and is not there; it is waited for.
	waits func(topic string)

	// begun are subscriptions to begin with, before topics are looked for; it may be nil. Each is run at once.
	begun iter.Seq[*bus.Subscriber]

	unread bool // a segment could not be read; to be asked when follow has returned

	mu     sync.Mutex
	joined map[string]bool // topics that are subscribed to now, and whether one of that name has been found meanwhile
}

// follow runs until ctx is done, a run returns an error, or, if all topics were given by name, all runs have returned. Errors are those of
// run and of subscribing; that ctx is done is its cause.
func (f *follower) follow(ctx context.Context) error {
	f.joined = make(map[string]bool)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	end := func(err error) {
		if err != nil {
			stop(err)
		}
	}
	if f.begun != nil {
		for s := range f.begun {
			name := s.Topic()
			f.claim(name)
			if f.named(name) {
				wg.Go(func() { end(f.goOn(ctx, name, s)) })
			} else {
				wg.Go(func() { end(f.found(ctx, name, s, false)) })
			}
		}
	}
	var globs []topics.Pattern
	for _, p := range f.patterns {
		if name := p.String(); p.Literal() {
			if f.claim(name) {
				wg.Go(func() { end(f.one(ctx, name)) })
			}
		} else {
			globs = append(globs, p)
		}
	}
	begun := time.Now() // whoever has read that they are waited for may make them before Discover looks
	if now, err := topicsNow(f.bus, globs); err == nil && len(now) == 0 && len(globs) > 0 {
		f.say("waiting for topics that match %s on %s", names(globs), f.bus.Dir())
	}
	if len(globs) > 0 {
		wg.Go(func() { end(f.discover(ctx, &wg, globs, begun, end)) })
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return nil
}

// left is an error if topics were left out that could not be found.
func (f *follower) left() error {
	if !f.unread {
		return nil
	}
	return fmt.Errorf("not all segments of %s could be read", f.bus.Dir())
}

// claim says whether the topic is not subscribed to yet, and notes that it is.
func (f *follower) claim(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, joined := f.joined[name]
	f.joined[name] = joined
	return !joined
}

// leave gives a claim back, unless another topic of that name was found before this one was seen to be gone: then it says so, and the
// claim is for that one.
func (f *follower) leave(name string) (again bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.joined[name] {
		f.joined[name] = false
		return true
	}
	delete(f.joined, name)
	return false
}

// named says whether the topic was given by name.
func (f *follower) named(name string) bool {
	return slices.ContainsFunc(f.patterns, func(p topics.Pattern) bool { return p.Literal() && p.String() == name })
}

// goOn follows a topic that was given by name and has been subscribed to, and when it is gone the next one of that name.
func (f *follower) goOn(ctx context.Context, name string, s *bus.Subscriber) error {
	err := f.run(ctx, s)
	if errors.Is(err, bus.ErrNoTopic) {
		err = f.one(ctx, name, bus.FromFirst())
	}
	return err
}

// one follows a topic that was given by name.
func (f *follower) one(ctx context.Context, name string, more ...bus.SubscribeOption) error {
	waits := bus.OnWait(func() {
		if f.waits != nil {
			f.waits(name)
		}
	})
	s, err := f.bus.Subscribe(ctx, name, slices.Concat(f.options, more, []bus.SubscribeOption{waits})...)
	if err != nil && f.explain != nil {
		err = f.explain(name, err)
	}
	if err != nil {
		return err
	}
	return f.run(ctx, s)
}

// discover follows the topics that match a pattern, those that were made after begun from their first frame.
func (f *follower) discover(ctx context.Context, wg *sync.WaitGroup, globs []topics.Pattern, begun time.Time, end func(error)) error {
	match := func(name string) bool {
		for _, p := range globs {
			if p.Match(name) {
				return true
			}
		}
		return false
	}
	for d, err := range f.bus.Discover(ctx, match) {
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, bus.ErrClosed) {
				return err
			}
			if _, none := segment.List(f.bus.Dir()); none != nil {
				return err // nothing can be found, now or later
			}
			f.say("%s", text(err)) // of a segment that cannot be read; the others can
			f.unread = true
			continue
		}
		if name, later := d.Name, d.Later || d.Made.After(begun); f.claim(name) {
			wg.Go(func() { end(f.found(ctx, name, nil, later)) })
		}
	}
	return nil
}

// found follows a topic that matches a pattern, and those that are made under its name while it is followed. s is the subscription to it, if
// there is one already.
func (f *follower) found(ctx context.Context, name string, s *bus.Subscriber, later bool) error {
	for {
		options := f.options[:len(f.options):len(f.options)]
		if later {
			options = append(options, bus.FromFirst())
		}
		var err error
		if s == nil {
			s, err = f.bus.Subscribe(ctx, name, options...)
		}
		gone := errors.Is(err, bus.ErrNoTopic)
		switch {
		case err == nil:
			err = f.run(ctx, s)
			s = nil
			gone = errors.Is(err, bus.ErrNoTopic)
		case !gone && f.refused != nil:
			err = f.refused(name, err)
			gone = err == nil // for this follower
		}
		if !gone {
			return err
		}
		if !f.leave(name) {
			return nil
		}
		later = true
	}
}

// topicsNow is the names given and those that match now: as the patterns stand, and by name for each of them.
func topicsNow(b *bus.Bus, patterns []topics.Pattern) ([]string, error) {
	var all []bus.TopicInfo
	var err error
	if globbed(patterns) {
		all, err = b.Topics()
	}
	var found []string
	add := func(name string) {
		if !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	for _, p := range patterns {
		if p.Literal() {
			add(p.String())
			continue
		}
		for _, info := range all {
			if p.Match(info.Name) {
				add(info.Name)
			}
		}
	}
	return found, err
}

// globbed says whether one of the patterns means more than one topic.
func globbed(all []topics.Pattern) bool {
	for _, p := range all {
		if !p.Literal() {
			return true
		}
	}
	return false
}

// names is the patterns as they were written, for messages.
func names(all []topics.Pattern) string {
	var b []string
	for _, p := range all {
		b = append(b, p.String())
	}
	return strings.Join(b, " ")
}
