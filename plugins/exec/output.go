package exec

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"shmbus/bus"
	"shmbus/plugins"
)

// An output is what becomes of a plugin's standard output, in one life of it. It is for one goroutine.
type output struct {
	spec  *plugins.Spec
	bus   *bus.Bus
	board *board
	log   *pluginLog
	event func(name, detail string)
	hello func(plugins.Contract) // the contract is known
	torn  func() bool            // waits until the plugin has ended, and says whether it was killed: what it has begun is not whole then
	pace  *pace
	sinks map[string]*sink
	drops drops
}

// A fault is an output that is not as it should be. The plugin is failed for it.
type fault struct {
	event string
	err   error
	atEnd bool // it is that there is nothing more: how the plugin ends may say why
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// outputBuffer is how much is read at once, in bytes: as much as a pipe holds.
const outputBuffer = 64 << 10

// run publishes what comes from r until its end, which is no error, or until ctx is done.
func (o *output) run(ctx context.Context, r io.Reader) error {
	defer o.close()
	defer o.drops.close()
	br := bufio.NewReaderSize(r, outputBuffer)
	h := plugins.Handshake{Version: plugins.Version, Contract: o.spec.Contract, Topic: o.spec.Topic}
	if h.Contract == "" {
		var err error
		if h, err = handshake(br); err != nil {
			return &fault{BadHandshake, err, errors.Is(err, io.EOF)}
		}
	}
	var err error
	switch h.Contract {
	case plugins.Lines:
		var s *sink
		if s, err = o.sink(h.Topic); err != nil {
			break
		}
		o.hello(h.Contract)
		err = o.lines(ctx, br, s)
	case plugins.Frames:
		o.hello(h.Contract)
		err = o.frames(ctx, br)
	case plugins.Direct:
		o.hello(h.Contract)
		err = o.text(br)
	}
	if f := (*fault)(nil); err == nil || ctx.Err() != nil || errors.As(err, &f) {
		return err
	}
	return &fault{event: BadOutput, err: err}
}

// handshake reads the first line.
func handshake(br *bufio.Reader) (plugins.Handshake, error) {
	var line []byte
	for {
		c, err := br.ReadByte()
		switch {
		case err != nil:
			return plugins.Handshake{}, fmt.Errorf("%w: standard output ended before its first line did (%w), after %.100q", plugins.ErrHandshake, err, line)
		case c == '\n':
			h, err := plugins.ParseHandshake(string(line))
			if err == nil && h.Contract == plugins.Lines && plugins.Reserved(h.Topic) {
				err = fmt.Errorf("%w: the topic %q is busd's", plugins.ErrHandshake, h.Topic)
			}
			return h, err
		case len(line) == plugins.MaxHandshake-1:
			return plugins.Handshake{}, fmt.Errorf("%w: the first line of standard output is longer than %d bytes: %.100q",
				plugins.ErrHandshake, plugins.MaxHandshake, line)
		}
		line = append(line, c)
	}
}

// text logs lines. A plugin that is known to open the bus itself may say so all the same, by a handshake in its first line.
func (o *output) text(r io.Reader) error {
	return o.log.read(r, stdout, o.pace, func(line []byte) (bool, error) {
		if o.spec.Contract == "" || !strings.HasPrefix(string(line), "shmbus-plugin ") {
			return false, nil
		}
		h, err := plugins.ParseHandshake(string(line))
		if err == nil && h.Contract != o.spec.Contract {
			err = fmt.Errorf("%w: the manifest says contract %s, the plugin %s", plugins.ErrHandshake, o.spec.Contract, h.Contract)
		}
		if err != nil {
			return true, &fault{event: BadHandshake, err: err}
		}
		return true, nil
	})
}

// frames publishes frames.
func (o *output) frames(ctx context.Context, r io.Reader) error {
	for fr := plugins.NewFrameReader(r); ; {
		topic, kind, payload, err := fr.Next()
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			o.event(HalfFrame, fmt.Sprintf("it is not published: %v", err))
			return nil
		case errors.Is(err, plugins.ErrFrame):
			return &fault{event: BadFrame, err: err}
		case err != nil:
			return err
		case plugins.Reserved(topic):
			o.drops.add("the topic is busd's", topic)
			continue
		}
		s, err := o.sink(topic)
		if err == nil {
			err = s.frame(ctx, kind, payload)
		}
		switch {
		case err == nil:
		case ctx.Err() != nil, errors.Is(err, bus.ErrClosed):
			return err
		default:
			o.drops.add(err.Error(), topic)
		}
	}
}

// sink is where frames on a topic go.
func (o *output) sink(topic string) (*sink, error) {
	if s := o.sinks[topic]; s != nil {
		return s, nil
	}
	s := &sink{o: o, topic: topic}
	var err error
	if s.Outlet, err = plugins.NewOutlet(s.open); err != nil {
		return nil, err
	}
	o.sinks[topic] = s
	return s, nil
}

func (o *output) close() {
	for _, s := range o.sinks {
		_ = s.Close()
	}
}
