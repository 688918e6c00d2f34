package plugins

import (
	"context"
	"errors"
	"fmt"

	"shmbus/bus"
)

// An Outlet is a publisher that outlives its topic: a topic that somebody has removed is made again. It is for one goroutine at a time.
type Outlet struct {
	open func() (*bus.Publisher, error)
	pub  *bus.Publisher // nil when it has to be opened again
	most int            // bytes in a frame, of the last one
}

// NewOutlet is an Outlet of the publisher that open opens, now and after each time that the topic is removed.
func NewOutlet(open func() (*bus.Publisher, error)) (*Outlet, error) {
	pub, err := open()
	if err != nil {
		return nil, err
	}
	return &Outlet{open, pub, pub.MaxFrame()}, nil
}

// Do calls publish with the publisher. If publish says that the topic has been removed (bus.ErrNoTopic), the topic is made again and publish called
// once more, and so on, which has to go on where it was; but not when ctx is done, whose error it is then. Other errors are publish's, and those of making the
// topic.
func (o *Outlet) Do(ctx context.Context, publish func(*bus.Publisher) error) error {
	for {
		if o.pub == nil {
			pub, err := o.open()
			if err != nil {
				return err
			}
			o.pub, o.most = pub, pub.MaxFrame()
		}
		err := publish(o.pub)
		if !errors.Is(err, bus.ErrNoTopic) {
			return err
		}
		_ = o.Close()
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

// Publish publishes a frame.
func (o *Outlet) Publish(ctx context.Context, b []byte) error {
	return o.Do(ctx, func(p *bus.Publisher) error { return p.Publish(ctx, b) })
}

// Encode publishes v as msgpack.
func (o *Outlet) Encode(ctx context.Context, v any) error {
	return o.Do(ctx, func(p *bus.Publisher) error { return p.Encode(ctx, v) })
}

// PublishBatch publishes frames, and says how many were before an error.
func (o *Outlet) PublishBatch(ctx context.Context, frames [][]byte) (done int, err error) {
	err = o.Do(ctx, func(p *bus.Publisher) error {
		n, err := p.PublishBatch(ctx, frames[done:])
		done += n
		return err
	})
	return done, err
}

// MaxFrame is the size of the largest frame in bytes, of the topic as it was when it was made last.
func (o *Outlet) MaxFrame() int { return o.most }

// Close closes the publisher. An Outlet that is used all the same opens it again.
func (o *Outlet) Close() error {
	if o.pub == nil {
		return nil
	}
	err := o.pub.Close()
	o.pub = nil
	return err
}
