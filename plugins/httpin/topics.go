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
)

// publishers are those of the topics that were posted to. Requests come at once, and a publisher is for one at a time.
type publishers struct {
	open   func(topic string, opts ...bus.PublisherOption) (*bus.Publisher, error)
	most   int
	mu     sync.Mutex
	byName map[string]*publisher
}

// A publisher is that of one topic.
type publisher struct {
	mu sync.Mutex
	p  *bus.Publisher // nil until it is needed
}

// errTooMany: more topics than the config allows.
var errTooMany = errors.New("too many topics")

// use calls f with the publisher of a topic. A topic that was removed is made again.
func (s *publishers) use(topic string, f func(*bus.Publisher) error) error {
	s.mu.Lock()
	t := s.byName[topic]
	if t == nil {
		if len(s.byName) >= s.most {
			s.mu.Unlock()
			return fmt.Errorf("%w: %d are in use, see max-topics", errTooMany, s.most)
		}
		t = &publisher{}
		s.byName[topic] = t
	}
	s.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	for again := true; ; again = false {
		if t.p == nil {
			p, err := s.open(topic)
			if err != nil {
				return err
			}
			t.p = p
		}
		err := f(t.p)
		if !again || !errors.Is(err, bus.ErrNoTopic) {
			return err
		}
		t.p.Close()
		t.p = nil
	}
}

// check returns when no publisher hangs.
func (s *publishers) check() {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.byName))
	s.mu.Unlock()
	for _, t := range all {
		t.mu.Lock()
		_ = t.p // that it can be had is all that is asked
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
	return s.use(topic, func(p *bus.Publisher) error {
		if f.msgpack {
			return p.Encode(ctx, msgpack.RawMessage(f.bytes))
		}
		return p.Publish(ctx, f.bytes)
	})
}
