package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"shmbus/bus"
)

// pubOptions are the flags of pub.
type pubOptions struct {
	geometry
	rate        rate
	subscribers int
	prefixed    bool
}

func (a *app) pubCommand() *cobra.Command {
	o := &pubOptions{}
	c := &cobra.Command{
		Use:   "pub TOPIC",
		Short: "Publish each line of standard input",
		Long: `Pub publishes each line of standard input as a frame, without its newline, as
soon as it has been read. It makes the topic if need be; --slots and --cell
say how large. Frames stay in the ring when pub has ended, until newer ones
take their place.

--wait-subscribers N waits with the first frame until N subscribers have joined
the topic. 'buscat tap' joins with --lossless; without it nobody can count it.`,
		Example: `  seq 10 | buscat pub numbers
  tail -F app.log | buscat pub logs/app
  seq 1000000 | buscat pub --lossless --wait-subscribers 1 numbers
  buscat tap --exit --length-prefixed a | buscat pub --length-prefixed b`,
		Args: oneTopic,
		RunE: func(c *cobra.Command, args []string) error { return a.runPub(c, args[0], o) },
	}
	f := c.Flags()
	f.SortFlags = false
	o.geometry.flags(c)
	f.Var(&o.rate, "rate", "publish at most `N` frames a second")
	f.IntVar(&o.subscribers, "wait-subscribers", 0, "wait until `N` subscribers have joined the topic")
	f.BoolVar(&o.prefixed, "length-prefixed", false, "read frames with their length (4 bytes, big endian) before them,\ninstead of lines")
	return c
}

func (a *app) runPub(c *cobra.Command, topic string, o *pubOptions) error {
	options, err := o.topic(c)
	if err != nil {
		return err
	}
	if o.subscribers < 0 {
		return usage(c, "--wait-subscribers %d: it is a number of subscribers", o.subscribers)
	}
	b, err := a.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	p, err := b.Publisher(topic, bus.WithTopic(options))
	if errors.Is(err, bus.ErrPolicy) && !o.lossless {
		p, err = b.Publisher(topic) // a lossless topic is as good
	}
	if errors.Is(err, bus.ErrPolicy) {
		return wrongPolicy(topic, o.lossless, err)
	}
	if err != nil {
		return err
	}
	defer p.Close()
	a.note(b, topic, options)
	if err := a.waitSubscribers(c.Context(), b, topic, o.subscribers); err != nil {
		return interrupted(c.Context(), err)
	}
	r := &pubRun{p: p}
	if o.rate > 0 {
		r.pace = newPacer(o.rate)
	}
	var s splitter = &lines{max: p.MaxFrame()}
	if o.prefixed {
		s = &prefixed{max: p.MaxFrame()}
	}
	in := newInput(a.in, s)
	defer in.close()
	return noTopic(b, topic, r.publishAll(c.Context(), in))
}

// How often it is looked whether subscribers have come.
const (
	firstLook = 2 * time.Millisecond
	lastLook  = 50 * time.Millisecond
)

// waitSubscribers waits until n subscribers are there.
func (a *app) waitSubscribers(ctx context.Context, b *bus.Bus, topic string, n int) error {
	for pause, told := firstLook, false; n > 0; pause = min(2*pause, lastLook) {
		s, err := b.Stat(topic)
		if err != nil {
			return noTopic(b, topic, err)
		}
		alive := 0
		for _, sub := range s.SubscriberList {
			if sub.Alive {
				alive++
			}
		}
		if alive >= n {
			return nil
		}
		if !told {
			told = true
			a.say("waiting for %s of topic %q; there are %d", count(n, "subscriber"), topic, alive)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// A pubRun publishes what the input brings.
type pubRun struct {
	p    *bus.Publisher
	pace *pacer // nil: as fast as can be
}

// publishAll publishes to the end of the input.
func (r *pubRun) publishAll(ctx context.Context, in *input) error {
	for {
		select {
		case b := <-in.full:
			if n, err := r.publish(ctx, b.frames); err != nil {
				if errors.Is(err, context.Canceled) {
					return fmt.Errorf("interrupted before %s could be published", count(len(b.frames)-n, "frame"))
				}
				return err
			}
			switch {
			case b.err == io.EOF:
				return nil
			case errors.As(b.err, new(*tooLongError)):
				return fmt.Errorf("%w that topic %q takes; make the topic with more --slots or a larger --cell", b.err, r.p.Topic())
			case b.err != nil:
				return b.err
			}
			in.free <- b
		case <-ctx.Done():
			return nil
		}
	}
}

// publish publishes some frames, and says how many it did.
func (r *pubRun) publish(ctx context.Context, frames [][]byte) (int, error) {
	if r.pace == nil {
		return r.p.PublishBatch(ctx, frames)
	}
	done := 0
	for done < len(frames) {
		n, err := r.pace.wait(ctx, len(frames)-done)
		if err != nil {
			return done, err
		}
		n, err = r.p.PublishBatch(ctx, frames[done:done+n])
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

// interrupted is err, unless it is only that the user does not want any more.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}
