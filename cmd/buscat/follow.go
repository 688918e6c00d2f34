package main

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"shmbus/bus"
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

	mu     sync.Mutex
	joined map[string]bool // topics that are subscribed to now
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
	if len(globs) > 0 {
		wg.Go(func() { end(f.discover(ctx, &wg, globs, end)) })
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return nil
}

// claim says whether the topic is not subscribed to yet, and notes that it is.
func (f *follower) claim(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.joined[name] {
		return false
	}
	f.joined[name] = true
	return true
}

func (f *follower) leave(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.joined, name)
}

// one follows a topic that was given by name.
func (f *follower) one(ctx context.Context, name string) error {
	waits := bus.OnWait(func() {
		if f.waits != nil {
			f.waits(name)
		}
	})
	s, err := f.bus.Subscribe(ctx, name, append(f.options[:len(f.options):len(f.options)], waits)...)
	if err != nil && f.explain != nil {
		err = f.explain(name, err)
	}
	if err != nil {
		return err
	}
	return f.run(ctx, s)
}

// discover follows the topics that match a pattern.
func (f *follower) discover(ctx context.Context, wg *sync.WaitGroup, globs []topics.Pattern, end func(error)) error {
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
			f.say("%s", text(err)) // of a segment that cannot be read; the others can
			continue
		}
		name := d.Name
		if !f.claim(name) {
			continue
		}
		options := f.options[:len(f.options):len(f.options)]
		if d.Later {
			options = append(options, bus.FromFirst())
		}
		s, err := f.bus.Subscribe(ctx, name, options...)
		if errors.Is(err, bus.ErrNoTopic) { // it is gone already
			f.leave(name)
			continue
		}
		if err != nil && f.refused != nil {
			if err = f.refused(name, err); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		wg.Go(func() {
			defer f.leave(name)
			if err := f.run(ctx, s); !errors.Is(err, bus.ErrNoTopic) { // else it was removed, and may come again
				end(err)
			}
		})
	}
	return nil
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
