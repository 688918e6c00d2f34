package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/foxglove/mcap/go/mcap"
	"github.com/vmihailenco/msgpack/v5"

	"shmbus/bus"
	"shmbus/plugins"
	"shmbus/segment"
	"shmbus/topics"
)

// A player is one run of replay.
type player struct {
	*app
	bus         *bus.Bus
	options     bus.TopicOptions // zeros: as recorded
	lossless    bool
	speed       float64 // 0: as fast as can be
	log         bool    // log times make the pace
	names       map[string]string
	renamed     map[string]bool // those of names that have come
	prefix      string
	only        []func(name string) bool
	subscribers int

	outs   map[string]*outTopic   // by the name that is published
	outOf  map[outKey]*outChannel // by channel of the file that is being read; nil: not wanted
	frames uint64                 // published

	damaged    map[string]bool // files
	unreadable map[string]bool // files
	refused    uint64          // frames that could not be published

	base   time.Time // when frames with the time of zero are due
	zero   uint64
	latest uint64 // time so far
	first  bool   // the next frame is the first of its file
}

type outKey struct {
	id       uint16
	topic    string
	encoding string
}

// An outTopic is a topic on which frames are published, with one publisher for all channels.
type outTopic struct {
	*bus.Publisher      // nil: it could not be opened
	leftOut        bool // it cannot be published any more, of which the user was told
	tooLarge       bool // it had a frame that was larger than it takes, of which the user was told
	tooDeep        bool // the same of one that is nested too deep
}

// An outChannel is where the frames of a channel go.
type outChannel struct {
	*outTopic
	msgpack bool
}

// wanted says whether the recorded topic is to be played.
func (p *player) wanted(topic string) bool {
	return len(p.only) == 0 || slices.ContainsFunc(p.only, func(means func(string) bool) bool { return means(topic) })
}

// recorded is a channel's topic, as it is called here: other programs have names that begin with a slash.
func recorded(c *mcap.Channel) string { return strings.TrimPrefix(c.Topic, "/") }

func isMsgpack(c *mcap.Channel) bool {
	if kind, ok := c.Metadata[metaKind]; ok {
		return kind == kindName(bus.KindMsgpack)
	}
	return c.MessageEncoding == encodingMsgpack
}

// out is where a channel's frames go; nil if they are not wanted.
func (p *player) out(ctx context.Context, c *mcap.Channel) (*outChannel, error) {
	key := outKey{c.ID, c.Topic, c.MessageEncoding}
	if out, ok := p.outOf[key]; ok {
		return out, nil
	}
	name := recorded(c)
	if !p.wanted(name) {
		p.outOf[key] = nil
		return nil, nil
	}
	for _, from := range []string{name, "/" + name} { // the second is what the file may call it
		if to, ok := p.names[from]; ok {
			p.renamed[from] = true
			name = to
			break
		}
	}
	name = p.prefix + name
	out := p.outs[name]
	if out == nil {
		out = &outTopic{}
		p.outs[name] = out
		if err := p.leaveOut(out, p.begin(ctx, out, c, name)); err != nil {
			return nil, err
		}
	}
	p.outOf[key] = &outChannel{out, isMsgpack(c)}
	return p.outOf[key], nil
}

// begin opens a topic, and waits until it has the subscribers that are asked for.
func (p *player) begin(ctx context.Context, out *outTopic, c *mcap.Channel, name string) (err error) {
	if out.Publisher, err = p.publisher(c, name); err != nil {
		return err
	}
	begun := time.Now()
	err = p.waitSubscribers(ctx, p.bus, name, p.subscribers)
	p.base = p.base.Add(time.Since(begun))
	return err
}

// leaveOut leaves a topic out if the error is about that one only, and tells of it. Other errors it returns.
func (p *player) leaveOut(out *outTopic, err error) error {
	is := func(kind error) bool { return errors.Is(err, kind) }
	if !errors.As(err, new(*topicError)) && !slices.ContainsFunc([]error{
		topics.ErrName, bus.ErrReserved, bus.ErrExclusive, bus.ErrLimit, bus.ErrPolicy, bus.ErrNoTopic, bus.ErrCorrupt,
		segment.ErrNoSpace, // for a ring as large as this one; others may be smaller, or there already
	}, is) {
		return err
	}
	p.say("%s; its frames are left out", text(err))
	out.leftOut = true
	return nil
}

// unmapped tells of names that nothing had: what was meant by one has been published as it was recorded.
func (p *player) unmapped() {
	for _, from := range slices.Sorted(maps.Keys(p.names)) {
		if !p.renamed[from] {
			p.say("--map %s=%s: there was no frame of a topic %[1]q; 'buscat replay --list' shows the names", from, p.names[from])
		}
	}
}

// publisher opens a topic for what was recorded on a channel.
func (p *player) publisher(c *mcap.Channel, name string) (*bus.Publisher, error) {
	if err := topics.CheckName(name); err != nil {
		return nil, fmt.Errorf("%w; --map %s=NEW gives it another one", err, recorded(c))
	}
	o := p.options
	was := bus.TopicOptions{Slots: number(c.Metadata, metaSlots), CellSize: number(c.Metadata, metaCell)}
	if _, err := (topics.Geometry{Slots: was.Slots, CellSize: was.CellSize}).Normal(); err != nil {
		p.say("topic %q cannot be as %s says: %v; it gets the default size", name, "the file", err)
		was = bus.TopicOptions{}
	}
	if o.Slots == 0 {
		o.Slots = was.Slots
	}
	if o.CellSize == 0 {
		o.CellSize = was.CellSize
	}
	if err := o.Check(); err != nil { // a flag together with what the file has
		return nil, &topicError{fmt.Errorf("topic %q: %w", name, err)}
	}
	if c.Metadata[metaPolicy] == bus.PolicyLossless.String() {
		o.Policy = bus.PolicyLossless
	}
	o.Exclusive, o.NoTime = c.Metadata[metaExclusive] == "true", c.Metadata[metaNoTime] == "true"
	out, err := p.bus.Publisher(name, bus.WithTopic(o))
	if errors.Is(err, bus.ErrPolicy) {
		if p.lossless {
			return nil, wrongPolicy(name, true, err)
		}
		out, err = p.bus.Publisher(name) // what is there stays as it is
	}
	if err != nil {
		return nil, noPlace(p.bus, name, err)
	}
	return out, nil
}

// close closes the publishers.
func (p *player) close() {
	for _, out := range p.outs {
		if out.Publisher != nil {
			_ = out.Close()
		}
	}
}

// publish publishes one frame, as raw bytes if it is none of its kind. One that is too large for its topic, or nested too deep, is left out; of each
// topic that is told once, as frames have no names.
func (p *player) publish(ctx context.Context, out *outChannel, data []byte) error {
	var err error
	if out.msgpack && plugins.OneMsgpack(data) {
		err = out.Encode(ctx, msgpack.RawMessage(data))
	} else {
		err = out.Publish(ctx, data)
	}
	switch {
	case err == nil:
		p.frames++
		return nil
	case errors.Is(err, bus.ErrFrameTooLarge):
		if !out.tooLarge {
			out.tooLarge = true
			p.say("a frame of %d bytes is larger than the %d that topic %q takes, and such frames are left out; replay with more --slots or a "+
				"larger --cell, and if the topic is there, remove it first", len(data), out.MaxFrame(), out.Topic())
		}
	case errors.Is(err, bus.ErrNested): // another program wrote it
		if !out.tooDeep {
			out.tooDeep = true
			p.say("a frame of topic %q has arrays and maps more than %d deep in one another, and such frames are left out", out.Topic(), bus.MaxNesting)
		}
	default:
		if errors.Is(err, bus.ErrNoTopic) {
			err = explain(err, "topic %q was removed from %s", out.Topic(), p.bus.Dir())
		}
		if err := p.leaveOut(out.outTopic, err); err != nil {
			return err
		}
	}
	p.refused++
	return nil
}

// fileBegins is called before the first frame of each file.
func (p *player) fileBegins() { p.first = true }

// wait waits until a frame of that time, in nanoseconds, is due. The first frame is due at once, and so is the first one of a file that is
// older than the one before it, or the same again.
func (p *player) wait(ctx context.Context, at uint64) error {
	if p.speed == 0 {
		return nil
	}
	if p.frames == 0 || p.first && at < p.latest {
		p.base, p.zero, p.latest = time.Now(), at, at
	}
	p.first = false
	p.latest = max(p.latest, at)
	if at <= p.zero {
		return nil
	}
	d := time.Until(p.base.Add(time.Duration(min(float64(at-p.zero)/p.speed, 1<<62))))
	if d < idleTime {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
