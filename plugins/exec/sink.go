package exec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/vmihailenco/msgpack/v5"

	"shmbus/bus"
)

// A sink is a topic that is published on for a plugin.
type sink struct {
	o     *output
	topic string
	p     *bus.Publisher
}

// open opens the publisher, and makes the topic as the manifest has it.
func (s *sink) open() (err error) {
	var opts []bus.PublisherOption
	for _, t := range s.o.spec.Topics {
		if t.Name == s.topic {
			shape, err := t.Options()
			if err != nil {
				return err
			}
			opts = append(opts, bus.WithTopic(shape))
		}
	}
	s.p, err = s.o.bus.Publisher(s.topic, opts...)
	return err
}

// publish does what it takes for a topic that is removed meanwhile: it is made again.
func (s *sink) publish(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !errors.Is(err, bus.ErrNoTopic) || ctx.Err() != nil {
			return err
		}
		s.p.Close()
		if err := s.open(); err != nil {
			delete(s.o.sinks, s.topic)
			return err
		}
	}
}

// countedAtOnce is how many lines are published between two counts. A count is what is seen of a plugin that waits for room.
const countedAtOnce = 256

// batch publishes lines. Room is waited for.
func (s *sink) batch(ctx context.Context, lines [][]byte) error {
	for len(lines) > 0 {
		var n int
		err := s.publish(ctx, func() error {
			done, err := s.p.PublishBatch(ctx, lines[n:min(n+countedAtOnce, len(lines))])
			n += done
			return err
		})
		size := 0
		for _, l := range lines[:n] {
			size += len(l)
		}
		s.o.board.count(n, size, 0)
		lines = lines[n:]
		switch {
		case errors.Is(err, bus.ErrFrameTooLarge): // the topic was made again, with a smaller ring
			s.tooLong(s.p.MaxFrame())
			lines = lines[1:]
		case err != nil:
			return err
		}
	}
	return nil
}

// frame publishes a frame. Room is waited for.
func (s *sink) frame(ctx context.Context, kind bus.Kind, payload []byte) error {
	err := s.publish(ctx, func() error {
		if kind == bus.KindMsgpack {
			return s.p.Encode(ctx, msgpack.RawMessage(payload))
		}
		return s.p.Publish(ctx, payload)
	})
	if err == nil {
		s.o.board.count(1, len(payload), 0)
	}
	return err
}

func (s *sink) tooLong(most int) {
	s.o.drops.add(fmt.Sprintf("a line is longer than a frame may be, %d bytes", most), s.topic)
}

// drops are the frames that could not be published. They are counted one by one, and logged at most once a second.
type drops struct {
	board  *board
	log    hclog.Logger
	since  int // the last entry
	last   time.Time
	why    string
	topic  string
	logged bool // there was an entry
}

func (d *drops) add(why, topic string) {
	d.board.count(0, 0, 1)
	d.since++
	d.why, d.topic = why, topic
	if !d.logged || time.Since(d.last) >= time.Second {
		d.flush()
	}
}

// flush logs those that were not.
func (d *drops) flush() {
	if d.since == 0 {
		return
	}
	d.log.Warn("frames are not published", "frames", d.since, "topic", d.topic, "problem", d.why)
	d.since, d.last, d.logged = 0, time.Now(), true
}
