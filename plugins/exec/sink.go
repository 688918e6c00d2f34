package exec

import (
	"context"
	"errors"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"

	"shmbus/bus"
	"shmbus/plugins"
)

// A sink is a topic that is published on for a plugin.
type sink struct {
	o     *output
	topic string
	*plugins.Outlet
}

// open opens the publisher, and makes the topic as the manifest has it.
func (s *sink) open() (*bus.Publisher, error) {
	shape, err := plugins.ShapeOf(s.o.spec.Topics, s.topic)
	if err != nil {
		return nil, err
	}
	return s.o.bus.Publisher(s.topic, shape...)
}

// countedAtOnce is how many lines are published between two counts. A count is what is seen of a plugin that waits for room.
const countedAtOnce = 256

// batch publishes lines. Room is waited for.
func (s *sink) batch(ctx context.Context, lines [][]byte) error {
	for len(lines) > 0 {
		n, err := s.PublishBatch(ctx, lines[:min(countedAtOnce, len(lines))])
		size := 0
		for _, l := range lines[:n] {
			size += len(l)
		}
		s.o.board.count(n, size, 0)
		lines = lines[n:]
		switch {
		case errors.Is(err, bus.ErrFrameTooLarge): // the topic was made again, with a smaller ring
			s.tooLong(s.MaxFrame())
			lines = lines[1:]
		case err != nil:
			return err
		}
	}
	return nil
}

// frame publishes a frame. Room is waited for.
func (s *sink) frame(ctx context.Context, kind bus.Kind, payload []byte) error {
	var err error
	if kind == bus.KindMsgpack {
		err = s.Encode(ctx, msgpack.RawMessage(payload))
	} else {
		err = s.Publish(ctx, payload)
	}
	if err == nil {
		s.o.board.count(1, len(payload), 0)
	}
	return err
}

func (s *sink) tooLong(most int) {
	s.o.drops.add(fmt.Sprintf("a line is longer than a frame may be, %d bytes", most), s.topic)
}
