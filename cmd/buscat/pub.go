package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/vmihailenco/msgpack/v5"

	"shmbus/bus"
)

// pubOptions are the flags of pub.
type pubOptions struct {
	geometry
	rate        rate
	subscribers int
	null        bool
	prefixed    bool
	delimiter   string
	whole       bool
	msgpack     bool
	repeat      int
	strict      bool
}

func (a *app) pubCommand() *cobra.Command {
	o := &pubOptions{}
	c := &cobra.Command{
		Use:   "pub TOPIC [FILE...]",
		Short: "Publish lines, other pieces of standard input, or files",
		Long: `Pub publishes each line of standard input as a frame, without its newline, as
soon as it has been read; or each FILE as one frame. It makes the topic if need
be; --slots and --cell say how large. Frames stay in the ring when pub has
ended, until newer ones take their place. '-' instead of FILES is standard
input, as is no FILE.

What cannot be published, because it is larger than the topic takes or is no
JSON with --msgpack, is reported with its line number, or that of the frame, or
the file's name. The rest is published, and the exit code is 1 at the end; with
--strict pub stops there.

With --msgpack each line (or frame, or file) is JSON, and is published as one
msgpack value. Objects keep the order of their keys. Numbers without a fraction
or an exponent are integers; beyond 64 bits, and all others, they are floats.
Arrays and objects may lie up to 1000 deep in one another.

With --repeat a pipe is kept in memory, up to 256 MiB; files are read again.
What cannot be published is reported the first time. When there is nothing to
publish any more, as the files are gone, pub ends.

--wait-subscribers N waits with the first frame until N subscribers have joined
the topic. 'buscat tap' joins with --lossless; without it nobody can count it.`,
		Example: `  seq 10 | buscat pub numbers
  tail -F app.log | buscat pub logs/app
  seq 1000000 | buscat pub --lossless --wait-subscribers 1 numbers
  buscat tap --exit --length-prefixed a | buscat pub --length-prefixed b
  find . -print0 | buscat pub --null paths
  printf 'a, b, c' | buscat pub --delimiter ', ' letters
  buscat pub pictures *.png                        one frame for each file
  ps aux | buscat pub --whole processes            one frame for all of it
  echo '{"celsius":21.5}' | buscat pub --msgpack sensors/temp
  buscat pub --repeat 0 --rate 30/s camera frame.jpg`,
		Args: topicAndFiles,
		RunE: func(c *cobra.Command, args []string) error { return a.runPub(c, args[0], named(args[1:]), o) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.BoolVar(&o.null, "null", false, "read frames that end with a zero byte, instead of lines")
	f.StringVar(&o.delimiter, "delimiter", "", "read frames that end with `TEXT`, instead of lines; it may have escapes as\nin Go: '\\t', '\\x00'")
	f.BoolVar(&o.prefixed, "length-prefixed", false, "read frames with their length (4 bytes, big endian) before them,\ninstead of lines")
	f.BoolVar(&o.whole, "whole", false, "publish the whole standard input as one frame")
	f.BoolVar(&o.msgpack, "msgpack", false, "read JSON, and publish it as msgpack")
	f.BoolVar(&o.strict, "strict", false, "stop at the first frame that cannot be published")
	f.Var(&o.rate, "rate", "publish at most `N` frames a second; N/s is the same")
	f.IntVar(&o.repeat, "repeat", 1, "publish the input `N` times; 0: for ever")
	f.IntVar(&o.subscribers, "wait-subscribers", 0, "wait until `N` subscribers have joined the topic")
	o.geometry.flags(c)
	return c
}

// topicAndFiles checks that the first argument is a topic's name, and that the others can be files.
func topicAndFiles(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usage(c, "no topic given")
	}
	for _, name := range args[1:] {
		switch {
		case name == "":
			return usage(c, "a file's name is empty")
		case name == "-" && len(args) > 2:
			return usage(c, "'-' among files: each file is one frame, and standard input is cut into frames; give one of the two, or ./- for a file of that name")
		}
	}
	return topicName(c, args[0])
}

// named is the files of a command line: none, if it is standard input that is meant.
func named(files []string) []string {
	if len(files) == 1 && files[0] == "-" {
		return nil
	}
	return files
}

// check says what is wrong with the flags.
func (o *pubOptions) check(c *cobra.Command, files []string) error {
	how := ""
	for _, name := range []string{"null", "delimiter", "length-prefixed", "whole"} {
		if !given(c, name) {
			continue
		}
		if how != "" {
			return usage(c, "--%s and --%s: each says where a frame ends; give one of the two", how, name)
		}
		how = name
	}
	switch {
	case how != "" && len(files) > 0:
		return usage(c, "--%s is for standard input, and files are given; each of them is one frame", how)
	case o.subscribers < 0:
		return usage(c, "--wait-subscribers %d: it is a number of subscribers", o.subscribers)
	case o.repeat < 0:
		return usage(c, "--repeat %d: it is how many times to publish the input, or 0 for ever", o.repeat)
	}
	if how == "delimiter" {
		if _, err := parseDelimiter(o.delimiter); err != nil {
			return usage(c, "--delimiter: %w", err)
		}
	}
	return nil
}

func (a *app) runPub(c *cobra.Command, topic string, names []string, o *pubOptions) error {
	options, err := o.topic(c)
	if err == nil {
		err = o.check(c, names)
	}
	if err != nil {
		return err
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
		return noPlace(b, topic, err)
	}
	defer p.Close()
	a.note(c, b, topic, options)
	if err := a.waitSubscribers(c.Context(), b, topic, o.subscribers); err != nil {
		return interrupted(c.Context(), err)
	}
	r := &pubRun{app: a, p: p, msgpack: o.msgpack, endless: o.repeat == 0}
	if o.rate > 0 {
		r.pace = newPacer(o.rate)
	}
	in := newInput(o.source(a.in, names, p.MaxFrame()), o.strict)
	defer in.close()
	err = r.publishAll(c.Context(), in)
	if errors.Is(err, bus.ErrNoTopic) {
		err = explain(err, "topic %q was removed from %s; %s had been published", topic, b.Dir(), frames(r.published))
	}
	return err
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
		if n > s.MaxSubscribers {
			return &topicError{fmt.Errorf("%d subscribers cannot be waited for: topic %q has places for %d; make it with more --subscribers", n, topic, s.MaxSubscribers)}
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
	*app
	p         *bus.Publisher
	pace      *pacer // nil: as fast as can be
	msgpack   bool
	endless   bool // the input: nobody waits for its last frame
	raw       msgpack.RawMessage
	published uint64
	refused   uint64
}

// publishAll publishes to the end of the input.
func (r *pubRun) publishAll(ctx context.Context, in *input) error {
	for {
		select {
		case b := <-in.full:
			n, err := r.publish(ctx, b.frames)
			r.published += uint64(n)
			if err != nil {
				if errors.Is(err, context.Canceled) {
					if r.endless {
						return r.end()
					}
					return fmt.Errorf("interrupted before %s could be published", count(len(b.frames)-n, "frame"))
				}
				return err
			}
			for _, err := range b.refused {
				r.refused++
				r.say("%v", r.why(err))
			}
			switch {
			case b.err == io.EOF:
				return r.end()
			case b.err != nil:
				return r.why(b.err)
			}
			in.free <- b
		case <-ctx.Done():
			return r.end()
		}
	}
}

// why says more about what was refused.
func (r *pubRun) why(err error) error {
	if errors.As(err, new(*tooLongError)) {
		return fmt.Errorf("%w that topic %q takes; make the topic with more --slots or a larger --cell", err, r.p.Topic())
	}
	return err
}

// end is an error if something was refused.
func (r *pubRun) end() error {
	if r.refused == 0 {
		return nil
	}
	return fmt.Errorf("%s could not be published; %s could", frames(r.refused), frames(r.published))
}

// publish publishes some frames, and says how many it did.
func (r *pubRun) publish(ctx context.Context, frames [][]byte) (int, error) {
	if r.pace == nil {
		return r.send(ctx, frames)
	}
	done := 0
	for done < len(frames) {
		n, err := r.pace.wait(ctx, len(frames)-done)
		if err != nil {
			return done, err
		}
		n, err = r.send(ctx, frames[done:done+n])
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

// send publishes some frames at once.
func (r *pubRun) send(ctx context.Context, frames [][]byte) (int, error) {
	if !r.msgpack {
		return r.p.PublishBatch(ctx, frames)
	}
	for i, f := range frames {
		r.raw = f
		if err := r.p.Encode(ctx, &r.raw); err != nil {
			return i, err
		}
		if i%1024 == 1023 && ctx.Err() != nil { // it looks at ctx only when it waits
			return i + 1, ctx.Err()
		}
	}
	return len(frames), nil
}

// interrupted is err, unless it is only that the user does not want any more.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}
