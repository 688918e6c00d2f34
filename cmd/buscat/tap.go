package main

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/spf13/cobra"

	"shmbus/bus"
)

// tapOptions are the flags of tap.
type tapOptions struct {
	count    int64
	from     string
	exit     bool
	raw      bool
	lossless bool
	group    string
	prefixed bool
}

func (o *tapOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.Int64VarP(&o.count, "count", "n", 0, "stop after `N` frames (default: go on for ever)")
	f.StringVar(&o.from, "from", "", "`where` to start: newest, oldest, -N (the last N frames), or a position\n(default newest; oldest with --exit)")
	f.BoolVar(&o.exit, "exit", false, "print what is there now, and stop")
	f.BoolVar(&o.raw, "raw", false, "print msgpack frames as they are instead of as JSON")
	f.BoolVar(&o.prefixed, "length-prefixed", false, "print each frame's length (4 bytes, big endian) before it and no newline\nafter it; frames stay as they are")
	f.BoolVar(&o.lossless, "lossless", false, "join the topic: publishers wait for this tap, and none of its frames is\nlost; for topics made with --lossless")
	f.StringVar(&o.group, "group", "", "join the topic as a member of the group `NAME`: each frame goes to one member\nonly, and publishers wait; for topics made with --lossless")
}

func (a *app) tapCommand() *cobra.Command {
	o := &tapOptions{}
	c := &cobra.Command{
		Use:   "tap TOPIC",
		Short: "Print a topic's frames, each on a line, as they come",
		Long: `Tap prints the bytes of each frame and a newline, as the frames come. It reads
the bus without joining it: publishers do not see it and do not wait for it. If
it is too slow it loses frames, and says how many on standard error. Only
with --lossless or --group it joins, and then publishers wait for it.

With --group several taps share the frames, each going to one of them; a frame
that a member had in hand when it was killed goes to another. The first member
makes the group, and only its --from counts.

If the topic is not there tap waits for it; with --exit that is an error.

Frames of kind msgpack are shown as JSON. Bytes become base64, NaN and the
infinities the strings "NaN", "+Inf" and "-Inf", times RFC 3339 strings, other
extensions {"ext":TYPE,"data":BASE64}; keys that are no strings are put into
quotes. On a terminal control bytes are shown escaped.`,
		Example: `  buscat tap sensors/imu/0
  buscat tap --from -10 -n 20 numbers          the last 10 frames and the next 10
  buscat tap --exit numbers | wc -l            what is there now
  buscat tap --lossless --length-prefixed video > video.frames
  buscat tap --group resize jobs | resize      one of several workers`,
		Args: oneTopic,
		RunE: a.runTap(o),
	}
	o.flags(c)
	return c
}

func (a *app) runTap(o *tapOptions) func(c *cobra.Command, args []string) error {
	return func(c *cobra.Command, args []string) error {
		t := &tap{app: a, topic: args[0], left: math.MaxInt64, out: newSink(a.out), loss: lossReport{say: a.say}}
		if c.Flags().Changed("count") {
			t.left = o.count
		}
		if o.from == "" && !c.Flags().Changed("from") {
			o.from = "newest"
			if o.exit {
				o.from = "oldest"
			}
		}
		from, err := parseFrom(o.from)
		switch {
		case err != nil:
			return usage(c, "%w", err)
		case o.count < 0:
			return usage(c, "-n %d: it is the number of frames to print", o.count)
		case o.lossless && c.Flags().Changed("group"):
			return usage(c, "--lossless and --group: a member of a group gets its share of the frames, not all; give one of the two")
		case o.prefixed && t.out.terminal:
			return usage(c, "--length-prefixed is not for terminals; send the output to a file or a pipe")
		case t.left == 0:
			return nil
		}
		t.out.raw, t.out.prefixed = o.raw, o.prefixed
		t.out.odd = t.odd
		t.options = []bus.SubscribeOption{from, bus.ReadOnly()}
		switch {
		case c.Flags().Changed("group"):
			t.options[1], t.member = bus.Group(o.group), true
		case o.lossless:
			t.options[1] = bus.Lossless()
		}
		if t.bus, err = a.open(c); err != nil {
			return err
		}
		defer t.bus.Close()

		ctx, cancel := context.WithCancelCause(c.Context())
		defer cancel(nil)
		defer watchReader(a.out, func() { cancel(errOutputClosed) })()
		if o.exit {
			err = t.printAll(ctx)
		} else {
			err = t.follow(ctx)
		}
		return t.end(ctx, err)
	}
}

// A tap is one run of tap.
type tap struct {
	*app
	bus     *bus.Bus
	sub     *bus.Subscriber
	topic   string
	options []bus.SubscribeOption
	member  bool // of a group: each frame is written out before it is released
	out     *sink
	left    int64 // frames still to be printed
	loss    lossReport
	stuck   stuck
	oddTold bool

	every  time.Duration   // between looks
	until  context.Context // ends when it is time for a look
	cancel context.CancelFunc
}

// follow prints frames as they come.
func (t *tap) follow(ctx context.Context) (err error) {
	waits := bus.OnWait(func() { t.say("waiting for topic %q on %s", t.topic, t.bus.Dir()) })
	if t.sub, err = t.bus.Subscribe(ctx, t.topic, append(t.options, waits)...); err != nil {
		return err
	}
	t.nextLook(ctx)
	defer t.endLook()
	for n := 1; t.left > 0; n++ {
		f, err := t.sub.TryReceive()
		if f == nil && err == nil {
			f, err = t.wait(ctx)
		}
		if err != nil && errors.Is(err, context.DeadlineExceeded) { // nothing has come for some time
			t.look(ctx)
			t.nextLook(ctx)
			continue
		}
		if err != nil {
			return err
		}
		if err := t.print(f); err != nil {
			return err
		}
		if n%1024 == 0 { // busy: there may be no pause for a long time
			t.loss.look(t.sub.Lost())
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// How often a tap that waits looks whether there is something to tell: soon, then more and more seldom, as it costs CPU time.
const (
	lookSoon   = time.Second
	lookSeldom = 8 * time.Second
)

// nextLook sets the time of the next look. One context is good for all waits till then.
func (t *tap) nextLook(ctx context.Context) {
	t.endLook()
	t.every = max(lookSoon, min(2*t.every, lookSeldom))
	if t.loss.pending() || t.stuck.seen && !t.stuck.told {
		t.every = lookSoon
	}
	t.until, t.cancel = context.WithTimeout(ctx, t.every)
}

func (t *tap) endLook() {
	if t.cancel != nil {
		t.cancel()
		t.cancel = nil
	}
}

// wait flushes and waits for a frame.
func (t *tap) wait(ctx context.Context) (*bus.Frame, error) {
	if err := t.out.flush(); err != nil {
		return nil, err
	}
	pending := t.loss.pending()
	t.loss.look(t.sub.Lost())
	if t.loss.pending() && !pending {
		t.nextLook(ctx)
	}
	f, err := t.sub.Receive(t.until)
	if f != nil {
		t.every = 0
	}
	return f, err
}

// look is what a tap does now and then while nothing comes.
func (t *tap) look(ctx context.Context) {
	t.loss.look(t.sub.Lost())
	t.unstick(ctx)
}

// claimPatience is how long tap --exit gives a publisher to finish the frame that it has begun.
const claimPatience = 100 * time.Millisecond

// printAll prints the frames that are there now.
func (t *tap) printAll(ctx context.Context) error {
	stat, err := t.bus.Stat(t.topic)
	if err == nil {
		t.sub, err = t.bus.Subscribe(ctx, t.topic, t.options...)
	}
	if err != nil {
		return err
	}
	for t.left > 0 {
		f, err := t.sub.TryReceive()
		if f == nil && err == nil {
			if t.sub.Stats().Position >= stat.Tail {
				return nil
			}
			soon, cancel := context.WithTimeout(ctx, claimPatience)
			f, err = t.sub.Receive(soon)
			cancel()
			if errors.Is(err, context.DeadlineExceeded) {
				t.say("stopped at position %d: a publisher has not finished its frame there", t.sub.Stats().Position)
				return nil
			}
		}
		if err != nil {
			return err
		}
		if f.Position() >= stat.Tail {
			if !t.member { // a member leaves it to others
				f.Release()
			}
			return nil
		}
		if err := t.print(f); err != nil {
			return err
		}
	}
	return nil
}

func (t *tap) print(f *bus.Frame) error {
	err := t.out.frame(f)
	if t.member && err == nil {
		err = t.out.flush()
	}
	if t.member && err != nil {
		return err // unreleased, the frame goes to another member
	}
	f.Release()
	t.left--
	return err
}

// odd tells about the first frame that is said to be msgpack and is not.
func (t *tap) odd(pos uint64) {
	if !t.oddTold {
		t.say("the frame at position %d is marked msgpack and is none; such frames are printed as they are", pos)
		t.oddTold = true
	}
}

// end writes what is still to be written and says what the error means that ended the tap.
func (t *tap) end(ctx context.Context, err error) error {
	closed := func() bool {
		return errors.Is(err, errOutputClosed) || errors.Is(context.Cause(ctx), errOutputClosed)
	}
	if !closed() {
		if e := t.out.flush(); err == nil || errors.Is(e, errOutputClosed) {
			err = e
		}
	}
	if t.sub != nil {
		t.loss.known = t.sub.Lost()
		_ = t.sub.Close()
	}
	if closed() {
		return errOutputClosed
	}
	t.loss.end()
	switch {
	case errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, bus.ErrPolicy):
		return explain(err, "topic %q overwrites, so nobody can keep all its frames; tap it without --lossless or --group, "+
			"or make it with 'buscat create --lossless'", t.topic)
	case errors.Is(err, bus.ErrLimit):
		return explain(err, "topic %q has no place for one more subscriber; tap it without --lossless or --group, "+
			"or make it with more --subscribers", t.topic)
	}
	return noTopic(t.bus, t.topic, err)
}
