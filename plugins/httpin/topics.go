package httpin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/vmihailenco/msgpack/v5"

	"shmbus/bus"
	"shmbus/plugins"
)

// publishers are those of the topics that were posted to. Requests come at once, and a publisher is for one at a time.
type publishers struct {
	open     func(topic string, opts ...bus.PublisherOption) (*plugins.Outlet, error)
	declared []string // topics of the manifest, which are there without a post
	most     int      // how many others may be posted to
	mu       sync.Mutex
	byName   map[string]*publisher
	posted   int // of those in byName that are not declared
}

// A publisher is that of one topic.
type publisher struct {
	mu    sync.Mutex
	o     *plugins.Outlet // nil until it is needed
	users int             // have it, or wait for it; guarded by publishers.mu
}

// errTooMany: more topics than the config allows.
var errTooMany = errors.New("too many topics")

// use calls f with the outlet of a topic.
func (s *publishers) use(topic string, f func(*plugins.Outlet) error) error {
	t, err := s.enter(topic)
	if err != nil {
		return err
	}
	defer s.leave(topic, t)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.o == nil {
		o, err := s.open(topic)
		if err != nil {
			return err
		}
		t.o = o
	}
	return f(t.o)
}

// enter is the publisher of a topic, with a user more.
func (s *publishers) enter(topic string) (*publisher, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.byName[topic]
	if t == nil {
		if !slices.Contains(s.declared, topic) {
			if s.posted >= s.most {
				return nil, fmt.Errorf("%w: %d have been posted to, see max-topics", errTooMany, s.most)
			}
			s.posted++
		}
		t = &publisher{}
		s.byName[topic] = t
	}
	t.users++
	return t, nil
}

// leave takes a user away, and the topic from those that count when it could not be opened.
func (s *publishers) leave(topic string, t *publisher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.users--; t.users > 0 || t.o != nil { // nobody else has t, so that t.o may be looked at
		return
	}
	delete(s.byName, topic)
	if !slices.Contains(s.declared, topic) {
		s.posted--
	}
}

// check returns when no publisher hangs.
func (s *publishers) check() {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.byName))
	s.mu.Unlock()
	for _, t := range all {
		t.mu.Lock()
		_ = t.o // that it can be had is all that is asked
		t.mu.Unlock()
	}
}

// A frame is what is published.
type frame struct {
	bytes   []byte
	msgpack bool // they are one value
}

// publish publishes a frame, and waits for room as long as ctx lets it.
func (s *publishers) publish(ctx context.Context, topic string, f frame) error {
	return s.use(topic, func(o *plugins.Outlet) error {
		if f.msgpack {
			return o.Encode(ctx, msgpack.RawMessage(f.bytes))
		}
		return o.Publish(ctx, f.bytes)
	})
}
