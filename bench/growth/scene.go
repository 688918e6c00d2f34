//go:build linux

package growth

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"shmbus/bus"
	"shmbus/internal/bench"
)

// The scenes.
const (
	Fanout  = "growth: fan-out"
	Topics  = "growth: topics"
	Rings   = "growth: rings, no bus"
	Attach  = "growth: attach"
	Blocked = "growth: blocked"
	Calls   = "growth: calls"
	Alone   = "growth: alone"
	Bare    = "growth: bare lines"
	Make    = "growth: make a ring"
	Gaps    = "growth: gaps"
	Loop    = "growth: loop"
	Idle    = "growth: idle"
)

// size is that of all frames here, where sizes are not what grows.
const size = 64

func init() {
	bench.AddScene(Fanout, scene(fanout))
	bench.AddScene(Topics, scene(topics))
	bench.AddScene(Rings, scene(bareTopics))
	bench.AddScene(Attach, scene(attach))
	bench.AddScene(Blocked, scene(blocked))
	bench.AddScene(Calls, scene(calls))
	bench.AddScene(Alone, scene(alone))
	bench.AddScene(Bare, scene(bare))
	bench.AddScene(Make, scene(makeRing))
	bench.AddScene(Gaps, scene(gaps))
	bench.AddScene(Loop, scene(loop))
	bench.AddScene(Idle, scene(idle))
}

// scene is a scene whose arguments are an A.
func scene[A any](begin func(p bench.Place, a A) (bench.Part, error)) bench.Scene {
	return func(p bench.Place) (bench.Part, error) {
		var a A
		if err := json.Unmarshal(p.Args, &a); err != nil {
			return nil, err
		}
		return begin(p, a)
	}
}

// A part is a bench.Part of functions; those that are not set do nothing.
type part struct {
	prepare func(n uint64) error
	act     func(n uint64) (bench.Figures, error)
	closers []func()
}

// Prepare is before each run.
func (me *part) Prepare(n uint64) error {
	if me.prepare == nil {
		return nil
	}
	return me.prepare(n)
}

// Go is the run.
func (me *part) Go(n uint64) (bench.Figures, error) { return me.act(n) }

// Close closes what the part has open, the last first.
func (me *part) Close() {
	for i := range me.closers {
		me.closers[len(me.closers)-1-i]()
	}
}

func (me *part) closing(c interface{ Close() error }) {
	me.closers = append(me.closers, func() { _ = c.Close() })
}

// publisher opens one that is closed with the part. All processes make topics alike, whoever comes first.
func (me *part) publisher(b *bus.Bus, topic string, o bus.TopicOptions) (*bus.Publisher, error) {
	pub, err := b.Publisher(topic, bus.WithTopic(o))
	if err == nil {
		me.closing(pub)
	}
	return pub, err
}

// subscribe opens a subscription that is closed with the part, and makes its topic if need be.
func (me *part) subscribe(b *bus.Bus, topic string, o bus.TopicOptions, how ...bus.SubscribeOption) (*bus.Subscriber, error) {
	if err := b.CreateTopic(topic, o); err != nil {
		return nil, err
	}
	s, err := b.Subscribe(context.Background(), topic, how...)
	if err == nil {
		me.closing(s)
	}
	return s, err
}

// A sender publishes frames that carry their count, or a time.
type sender struct {
	pub  *bus.Publisher
	sent uint64
	b    [size]byte
}

func (s *sender) send(ctx context.Context, word uint64) error {
	s.sent++
	binary.LittleEndian.PutUint64(s.b[:], word)
	binary.LittleEndian.PutUint64(s.b[size-8:], s.sent)
	return s.pub.Publish(ctx, s.b[:])
}

// count publishes n frames that carry their count.
func (s *sender) count(ctx context.Context, n uint64) error {
	for range n {
		if err := s.send(ctx, s.sent+1); err != nil {
			return err
		}
	}
	return nil
}

// A checker sees that a subscription gets the frames of one publisher.
type checker struct {
	got, next uint64 // next is the last that came, or was missing before it
	lossy     bool
}

// frame gives the frame's first word, and releases it.
func (c *checker) frame(f *bus.Frame) (uint64, error) {
	defer f.Release()
	b, n := f.Bytes(), f.Sequence()
	if n != c.next+1 && (n <= c.next || !c.lossy) {
		return 0, fmt.Errorf("frame %d has come where frame %d should", n, c.next+1)
	}
	c.next = n
	c.got++
	if len(b) != size || binary.LittleEndian.Uint64(b[size-8:]) != n {
		return 0, fmt.Errorf("frame %d, %d bytes, is not what was published", n, len(b))
	}
	return binary.LittleEndian.Uint64(b), nil
}

// quantiles are figures of a histogram in ns, with names that begin so, and of how many samples they are.
func quantiles(f bench.Figures, name string, h *bench.Histogram) {
	f[name+"p50"] = float64(h.Quantile(.5))
	f[name+"p99"] = float64(h.Quantile(.99))
	f[name+"p999"] = float64(h.Quantile(.999))
	f[name+"max"] = float64(h.Max())
	f[name+"samples"] = float64(h.Count())
}
