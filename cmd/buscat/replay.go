package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shmbus/internal/mcapfile"
	"shmbus/topics"
)

// replayOptions are the flags of replay.
type replayOptions struct {
	geometry
	speed       float64
	clock       string
	loop        int64
	maps        []string
	prefix      string
	only        []string
	subscribers int
	list        bool
}

func (a *app) replayCommand() *cobra.Command {
	o := &replayOptions{}
	c := &cobra.Command{
		Use:   "replay FILE...",
		Short: "Publish again what was recorded",
		Long: `Replay publishes the frames of MCAP files, of 'buscat record' or of others, in
the order in which they were recorded and at the pace at which they were
published. Several files are played one after the other; '-' is standard input.
A file whose recorder was killed is read as far as it is whole, and a message
says how far that was. What is damaged is left out, and so are files that cannot
be read, topics that cannot be published, and frames that are larger than their
topic takes, or msgpack that is nested too deep; the rest is published, and the
exit code is 1.

Topics are made as they were when they were recorded: their policy, slots, cell,
and whether they are exclusive or have no time, are in the file. --lossless,
--slots and --cell go before that. Frames of kind msgpack are published as such;
in files of other programs those are the channels with that message encoding, and
a '/' before a topic's name is left away. Topics that are there stay as they are.

The pace is that of the publish times in the file. With --clock log it is that
of the log times, when the frames were recorded. Frames that are late are
published at once.`,
		Example: `  buscat replay run.mcap
  buscat replay --speed 0 run-*.mcap                    as fast as can be
  buscat replay --speed 0.5 --loop run.mcap             slowly, again and again
  buscat replay --topic 'sensors/*' --prefix sim/ run.mcap
  buscat replay --map imu=test/imu --lossless --wait-subscribers 1 run.mcap
  buscat replay --list run.mcap                         what is in it`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(c, "no file given")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.runReplay(c, args, o) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.BoolVar(&o.list, "list", false, "show topics, frames and losses of the files, and publish nothing")
	f.Float64Var(&o.speed, "speed", 1, "how many times as fast as it was; 0: as fast as can be")
	f.StringVar(&o.clock, "clock", "publish", "which time makes the pace: publish or log")
	f.Int64Var(&o.loop, "loop", 1, "play all files `N` times, like --loop=3; without a number again and\nagain")
	f.Lookup("loop").NoOptDefVal = "0"
	f.StringArrayVar(&o.only, "topic", nil, "only topics that match the `pattern`, by their recorded names; may be\ngiven again")
	f.StringArrayVar(&o.maps, "map", nil, "publish the topic OLD under the name NEW, which has no '='; may be given\nagain (`OLD=NEW`)")
	f.StringVar(&o.prefix, "prefix", "", "put the `text` before all names, like sim/")
	f.IntVar(&o.subscribers, "wait-subscribers", 0, "before the first frame of a topic wait until `N` subscribers have\njoined it")
	o.geometry.flags(c)
	return c
}

func (a *app) runReplay(c *cobra.Command, files []string, o *replayOptions) error {
	p, err := a.player(c, files, o)
	if err != nil {
		return err
	}
	if o.list {
		if err := a.list(files, p); err != nil {
			return err
		}
		return p.left()
	}
	if p.bus, err = a.open(c); err != nil {
		return err
	}
	defer p.bus.Close()
	defer p.close()
	for n := int64(0); o.loop == 0 || n < o.loop; n++ {
		before := p.frames
		for _, name := range files {
			if err := p.unread(name, p.play(c.Context(), name)); err != nil {
				return interrupted(c.Context(), err)
			}
		}
		if n == 0 {
			p.unmapped()
		}
		if p.frames == before {
			if p.left() == nil { // else that was said in other words
				a.say("there is no frame to publish")
			}
			break
		}
	}
	return p.left()
}

// player is what the command line asks for.
func (a *app) player(c *cobra.Command, files []string, o *replayOptions) (*player, error) {
	options, err := o.topic(c)
	if err != nil {
		return nil, err
	}
	p := &player{
		app: a, options: options, lossless: o.lossless, speed: o.speed, log: o.clock == "log", prefix: o.prefix,
		subscribers: o.subscribers, names: make(map[string]string), renamed: make(map[string]bool), outs: make(map[string]*outTopic),
		damaged: make(map[string]bool), unreadable: make(map[string]bool),
	}
	if _, err := strconv.Atoi(files[0]); err == nil && c.Flags().Changed("loop") {
		return nil, usage(c, "--loop %s: a number is written behind '=': --loop=%[1]s; ./%[1]s is a file of that name", files[0])
	}
	switch {
	case !(o.speed >= 0 && o.speed <= 1e9):
		return nil, usage(c, "--speed %v: it is a factor, 1 for the speed that it was, or 0", o.speed)
	case o.clock != "publish" && o.clock != "log":
		return nil, usage(c, "--clock %q: it is publish or log", o.clock)
	case o.loop < 0:
		return nil, usage(c, "--loop %d: it is a number of times", o.loop)
	case o.subscribers < 0:
		return nil, usage(c, "--wait-subscribers %d: it is a number of subscribers", o.subscribers)
	}
	for _, name := range files {
		if name == "-" && (o.loop != 1 || len(files) > 1 && files[0] != "-") {
			return nil, usage(c, "standard input can be read once, and first; leave --loop away, or name a file")
		}
	}
	for _, text := range o.only {
		pattern, err := topics.ParsePattern(strings.TrimPrefix(text, "/"))
		if err != nil && strings.Contains(text, "*") {
			return nil, usage(c, "--topic: %w", err)
		}
		// A recorded name need not be one that the bus allows.
		p.only = append(p.only, func(name string) bool { return name == text || err == nil && pattern.Match(name) })
	}
	for _, text := range o.maps {
		at := strings.LastIndexByte(text, '=') // OLD may have some, and may be empty: other programs wrote it
		if at < 0 {
			return nil, usage(c, "--map %q: it is OLD=NEW", text)
		}
		from, to := text[:at], text[at+1:]
		if other, twice := p.names[from]; twice {
			return nil, usage(c, "--map %q: %q is to be %s already", text, from, other)
		}
		if err := topics.CheckName(p.prefix + to); err != nil {
			return nil, usage(c, "--map %q: %w", text, err)
		}
		p.names[from] = to
	}
	if o.prefix != "" {
		if err := topics.CheckName(o.prefix + "x"); err != nil {
			return nil, usage(c, "--prefix: %w", err)
		}
	}
	return p, nil
}

// openRecording opens one of replay's files. close it.
func (a *app) openRecording(name string) (r *mcapfile.Reader, shut func(), err error) {
	in, shut := a.in, func() {}
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, &unreadError{err}
		}
		in, shut = f, func() { _ = f.Close() }
	}
	if r, err = mcapfile.NewReader(in); err != nil {
		shut()
		return nil, nil, readingError(name, err)
	}
	return r, shut, nil
}

// An unreadError is about a file that cannot be read. The others can.
type unreadError struct{ error }

func (e *unreadError) Unwrap() error { return e.error }

func readingError(name string, err error) error {
	if name == "-" {
		name = "standard input"
	}
	if errors.Is(err, mcapfile.ErrNotMCAP) {
		return &unreadError{fmt.Errorf("%s is not an MCAP file; 'buscat record' makes such files", name)}
	}
	return &unreadError{fmt.Errorf("reading %s: %w", name, err)}
}

// unread tells of a file that cannot be read, once, so that it can go on with the others. Other errors it returns.
func (p *player) unread(name string, err error) error {
	if !errors.As(err, new(*unreadError)) {
		return err
	}
	if !p.unreadable[name] {
		p.say("%s", text(err))
	}
	p.unreadable[name] = true
	return nil
}

// fileEnds says what is wrong with a file that has been read to its end.
func (p *player) fileEnds(name string, s mcapfile.Status) {
	if s.Damaged() {
		p.damaged[name] = true
	}
	if s.Bad > 0 {
		p.say("%s: %s left out, because they are damaged: %s", name, count(s.Bad, "part"), s.Why)
	}
	switch {
	case s.Closed:
	case s.Cut:
		p.say("%s was not closed, because its recorder was killed or is still at work: %s; %s read", name, s.Ends, count(s.Messages, "message"))
	default:
		p.say("%s is damaged, and cannot be read to its end: %s; %s read", name, s.Ends, count(s.Messages, "message"))
	}
}

// left is an error if something was left out. What a killed recorder has not written is no damage.
func (p *player) left() error {
	var all []error
	if n := len(p.unreadable); n > 0 {
		all = append(all, fmt.Errorf("%s could not be read", count(n, "file")))
	}
	if n := len(p.damaged); n > 0 {
		all = append(all, fmt.Errorf("there is damage in %s; what is whole was read", count(n, "file")))
	}
	if p.refused > 0 {
		all = append(all, fmt.Errorf("%s could not be published; %s could", frames(p.refused), frames(p.frames)))
	}
	return errors.Join(all...)
}

// play plays one file.
func (p *player) play(ctx context.Context, name string) error {
	r, shut, err := p.openRecording(name)
	if err != nil {
		return err
	}
	defer shut()
	p.outOf = make(map[outKey]*outChannel)
	p.fileBegins()
	for n := 0; ; n++ {
		c, m, err := r.Next()
		if err == io.EOF {
			p.fileEnds(name, r.Status())
			return nil
		}
		if err != nil {
			return readingError(name, err)
		}
		if n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		out, err := p.out(ctx, c)
		if err != nil {
			return err
		}
		if out == nil {
			continue
		}
		if out.leftOut {
			p.refused++
			continue
		}
		at := m.PublishTime
		if p.log {
			at = m.LogTime
		}
		if err := p.wait(ctx, at); err != nil {
			return err
		}
		if err := p.publish(ctx, out, m.Data); err != nil {
			return err
		}
	}
}

// number is the metadata value as a number of at least 0; 0 if it is none.
func number(m map[string]string, key string) int {
	n, err := strconv.Atoi(m[key])
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// idleTime is a pause that is not worth a timer.
const idleTime = 50 * time.Microsecond
