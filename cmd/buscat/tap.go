package main

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/topics"
)

func (a *app) tapCommand() *cobra.Command {
	o := &tapOptions{}
	c := &cobra.Command{
		Use:   "tap TOPIC...",
		Short: "Print the frames of topics, each on a line, as they come",
		Long: `Tap prints the bytes of each frame and a newline, as the frames come.

TOPICS are names and patterns, which should be quoted: '*' stands for any bytes
between two slashes, the part '**' for any number of parts. Names that begin
with '$' are only meant by patterns that do. A topic that is not there is waited
for, and topics that match and come later are printed from their first frame.
The lines of several topics come without their names: --format '%t %b\n' or
--json tells them apart. On a terminal the name stands before each line.

With --exit tap prints what is there now, topic by topic, and stops. Then a name
that is not there is an error, and a pattern that matches nothing is not: it is
only mentioned on standard error.

Tap reads the bus without joining it: publishers do not see it and do not wait
for it. If it, or the terminal or pipe behind it, is too slow it loses frames,
and says how many on standard error. Only with --lossless or --group it joins,
and then publishers wait for it, so that a slow pipe slows the bus.
With --group several taps share the frames, each going to one of them; a frame
that a member had in hand when it was killed goes to another. The first member
makes the group, and only its --from counts.

Output: one of --format, --json, --jq, --raw, --null, --length-prefixed, --hex.
Otherwise, and with --null, frames of kind msgpack are shown as JSON, unless
arrays and maps lie more than 1000 deep in one another. Bytes become base64,
NaN and the infinities the strings "NaN", "+Inf" and "-Inf", times RFC 3339
strings, other extensions {"ext":TYPE,"data":BASE64}; keys that are no strings
are put into quotes. On a terminal control bytes are shown escaped.

--format prints nothing but what it says. It knows \n, \t, \0, \\ and
  %t topic      %p position   %s sequence (counts the publisher's frames)
  %P publisher  %k kind       %l length of the body in bytes     %% percent sign
  %b body, as it is           %j body as JSON: decoded, or a string of text or
  %x body in hex              of base64
  %B body in base64           %T time, %T{LAYOUT}
LAYOUT is rfc3339, rfc3339nano (the default), unix, unixmilli, unixmicro,
unixnano, strftime (%T{%H:%M:%S}), or a layout of Go (%T{15:04:05.000}). Times
are local; set TZ=UTC for others. Without a time it prints '-'.

--json has topic, position, sequence, publisher, time (UTC; not if the topic has
none), kind, and one of: body (msgpack or JSON, decoded), text (other UTF-8),
base64.

--where and --jq take a jq expression over the body, msgpack or JSON; other
frames do not match. $topic, $position, $sequence, $publisher, $time and $kind
can be used in it, and env.NAME, the environment. Frames on which it fails are
skipped, counted, and the first is reported. -n, --every and --timeout count what
--where lets through.`,
		Example: `  buscat tap sensors/imu/0
  buscat tap 'sensors/**' --format '%T{15:04:05} %t %b\n'
  buscat tap --from -10 -n 20 numbers          the last 10 frames and the next 10
  buscat tap --from 5m --exit log              the last five minutes
  buscat tap --exit numbers | wc -l            what is there now
  buscat tap --where '.celsius > 30' --jq '.name' 'sensors/*'
  buscat tap --every 1s --json 'sensors/**'    a sample of each, once a second
  buscat tap -n 1 --timeout 5s status          wait for one frame, at most 5 seconds
  buscat tap --lossless --length-prefixed video > video.frames
  buscat tap --group resize jobs | resize      one of several workers`,
		Args: somePatterns,
		RunE: a.runTap(o),
	}
	o.flags(c, "above")
	return c
}

func (a *app) runTap(o *tapOptions) func(c *cobra.Command, args []string) error {
	return func(c *cobra.Command, args []string) error {
		patterns, err := parsePatterns(c, args)
		if err != nil {
			return err
		}
		t, err := a.newTap(c, o, patterns)
		if err != nil || t.left == 0 {
			return err
		}
		if t.bus, err = a.open(c); err != nil {
			return err
		}
		defer t.bus.Close()

		ctx, cancel := context.WithCancelCause(c.Context())
		defer cancel(nil)
		defer watchReader(a.out, func() { cancel(errOutputClosed) })()
		for _, p := range t.programs {
			p.ctx = ctx
		}
		if o.exit {
			err = t.printAll(ctx, patterns)
		} else {
			defer t.watchIdle(func() { cancel(idleError(t.timeout)) })()
			err = t.follow(ctx, patterns)
		}
		return t.end(ctx, err)
	}
}

// A tap is one run of tap.
type tap struct {
	*app
	bus      *bus.Bus
	options  []bus.SubscribeOption
	several  bool      // more topics than one, or it may be
	member   bool      // of a group: each frame is written out before it is released
	since    time.Time // of the first frame that is wanted, or zero
	where    *program  // or nil
	programs []*program
	looked   map[string]bool // members of bodies at which they look, or nil: all
	every    time.Duration
	timeout  time.Duration
	failed   error // what was left out; nil: nothing

	mu      sync.Mutex // of what follows, for streams; with --exit there is only one at a time
	out     *sink
	left    int64 // frames still to be printed
	oddTold bool
	came    bool      // a frame to print
	last    time.Time // such a frame came
}

// newTap is a tap as the flags want it, on no bus yet.
func (a *app) newTap(c *cobra.Command, o *tapOptions, patterns []topics.Pattern) (*tap, error) {
	if err := o.check(c); err != nil {
		return nil, err
	}
	from, err := o.start(c)
	if err != nil {
		return nil, err
	}
	t := &tap{app: a, left: math.MaxInt64, out: newSink(a.out), since: from.since, every: o.every, timeout: o.timeout}
	t.several = globbed(patterns) || len(patterns) > 1
	if c.Flags().Changed("count") {
		t.left = o.count
	}
	if t.out.form, err = o.form(c, t); err != nil {
		return nil, err
	}
	if t.where, err = o.filter(c, t); err != nil {
		return nil, err
	}
	t.looked = lookedAt(t.programs)
	t.options = []bus.SubscribeOption{from.option, bus.ReadOnly()}
	switch {
	case c.Flags().Changed("group"):
		t.options[1], t.member = bus.Group(o.group), true
	case o.lossless:
		t.options[1] = bus.Lossless()
	}
	return t, nil
}

// follow prints frames as they come. One topic by name needs no goroutine but this.
func (t *tap) follow(ctx context.Context, patterns []topics.Pattern) error {
	if t.several {
		return t.followAll(ctx, patterns)
	}
	topic := patterns[0].String()
	waits := bus.OnWait(func() { t.waits(topic) })
	sub, err := t.bus.Subscribe(ctx, topic, append(t.options, waits)...)
	if err != nil {
		return t.refusal(topic, err)
	}
	s := t.stream(topic, sub)
	err = s.follow(ctx)
	if !t.closed(ctx, err) {
		if e := t.out.flush(); errors.Is(e, errOutputClosed) {
			err = e
		}
	}
	s.close(t.closed(ctx, err))
	return t.refusal(topic, err)
}

func (t *tap) waits(topic string) { t.say("waiting for topic %q on %s", topic, t.bus.Dir()) }

// errEnough: as many frames have been printed as were asked for. It is no error.
var errEnough = errors.New("that was the last frame")

func (t *tap) print(r *record) error {
	if t.left == 0 {
		return errEnough
	}
	switch err := t.out.write(r); {
	case errors.Is(err, errNothing):
		return nil
	case err != nil:
		return err
	}
	if t.left--; t.left == 0 {
		return errEnough
	}
	return nil
}

// odd tells about the first frame that is said to be msgpack and cannot be shown as JSON.
func (t *tap) odd(r *record, err error) {
	if !t.oddTold {
		t.say("the frame at position %d is marked msgpack and is %v; such frames are printed as they are", r.position, err)
		t.oddTold = true
	}
}

// closed says whether err, or that ctx is done, means that nobody reads the output any more.
func (t *tap) closed(ctx context.Context, err error) bool {
	return errors.Is(err, errOutputClosed) || errors.Is(context.Cause(ctx), errOutputClosed)
}

// end writes what is still to be written and says what the error means that ended the tap.
func (t *tap) end(ctx context.Context, err error) error {
	if !t.closed(ctx, err) {
		if e := t.out.flush(); err == nil || errors.Is(err, errEnough) || errors.Is(e, errOutputClosed) {
			err = e
		}
	}
	if t.closed(ctx, err) {
		return errOutputClosed
	}
	for _, p := range t.programs {
		p.end()
	}
	switch {
	case t.failed != nil && (err == nil || errors.Is(err, context.Canceled) || errors.Is(err, errTimeout)):
		return t.failed
	case errors.Is(context.Cause(ctx), errTimeout) && (err == nil || errors.Is(err, context.Canceled)):
		return context.Cause(ctx)
	case errors.Is(err, context.Canceled):
		return nil
	}
	return err
}

// refusal says what it means that a topic cannot be tapped, or not any more.
func (t *tap) refusal(topic string, err error) error {
	return refusal(t.bus, topic, "tap it without --lossless or --group", err)
}
