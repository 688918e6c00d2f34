package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"shmbus/bus"
	"shmbus/topics"
)

// A measured topic was looked at twice.
type measured struct {
	bus.TopicStat
	elapsed       time.Duration // between the looks; 0: there was only one
	frames, bytes uint64        // in that time
}

// blocked is how long its publishers have waited for room, all together.
func (m measured) blocked() (d time.Duration) {
	for _, p := range m.PublisherList {
		d += p.Blocked
	}
	return d
}

// lag is how far the last subscriber or group is behind.
func (m measured) lag() (lag uint64) {
	for _, s := range m.SubscriberList {
		lag = max(lag, s.Lag)
	}
	for _, g := range m.GroupList {
		lag = max(lag, g.Lag)
	}
	return lag
}

// lost is how many frames its subscribers have lost, all together.
func (m measured) lost() (n uint64) {
	for _, s := range m.SubscriberList {
		n += s.Lost
	}
	return n
}

// statTwice looks at topics twice, some time apart, or once if that is 0. Topics that cannot be looked at are reported in the error.
func (a *app) statTwice(ctx context.Context, b *bus.Bus, patterns []topics.Pattern, apart time.Duration) ([]measured, error) {
	names, failed := topicNames(b, patterns)
	before := map[string]counters{}
	if apart > 0 {
		for _, name := range names {
			if s, err := b.Stat(name); err == nil {
				before[name] = counters{s.Made, s.Frames, s.Bytes, time.Now()}
			}
		}
		if len(before) > 0 {
			select {
			case <-time.After(apart):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
	var all []measured
	for _, name := range names {
		s, err := b.Stat(name)
		now := time.Now()
		if err != nil {
			failed = errors.Join(failed, noTopic(b, name, err))
			continue
		}
		m := measured{TopicStat: s}
		if was, known := before[name]; known {
			m.elapsed = now.Sub(was.at)
			m.frames, m.bytes = counters{s.Made, s.Frames, s.Bytes, now}.since(was)
		}
		all = append(all, m)
	}
	return all, failed
}

// topicNames is the names that were given, and those on the bus that match the patterns, in the order of these and each once. Segments
// that cannot be read, and patterns that match nothing, are reported in the error.
func topicNames(b *bus.Bus, patterns []topics.Pattern) (all []string, failed error) {
	var infos []bus.TopicInfo
	var unread error
	if globbed(patterns) {
		infos, unread = b.Topics()
	}
	failed = unread
	add := func(name string) {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	for _, p := range patterns {
		if p.Literal() {
			add(p.String())
			continue
		}
		any := false
		for _, t := range infos {
			if p.Match(t.Name) {
				add(t.Name)
				any = true
			}
		}
		if !any && unread == nil {
			failed = errors.Join(failed, explain(bus.ErrNoTopic, "no topic on %s matches %s; 'buscat ls' shows those there are", b.Dir(), p))
		}
	}
	return all, failed
}
