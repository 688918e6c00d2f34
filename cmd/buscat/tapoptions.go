package main

import (
	"time"

	"github.com/spf13/cobra"

	"shmbus/topics"
)

// tapOptions are the flags of tap.
type tapOptions struct {
	format   string
	json     bool
	jq       string
	raw      bool
	null     bool
	prefixed bool
	hex      bool

	where    string
	count    int64
	from     string
	exit     bool
	timeout  time.Duration
	every    time.Duration
	lossless bool
	group    string
}

// flags adds them to a command. more says where the letters of --format are told.
func (o *tapOptions) flags(c *cobra.Command, more string) {
	f := c.Flags()
	f.SortFlags = false
	f.Int64VarP(&o.count, "count", "n", 0, "stop after `N` frames, of all topics together (default: go on for ever)")
	f.StringVar(&o.from, "from", "", "`where` to start: newest, oldest, -N (the last N frames of each topic),\n"+
		"a position, a duration (10s: frames of the last 10 seconds) or a time\n(RFC 3339) (default newest; oldest with --exit)")
	f.BoolVar(&o.exit, "exit", false, "print what is there now, and stop")
	f.DurationVar(&o.timeout, "timeout", 0, "stop, with exit code 124, when no frame to print has come for `D` (10s, 1m30s)")
	f.DurationVar(&o.every, "every", 0, "print only the newest frame of each topic, and that once in `D` at most")
	f.StringVar(&o.where, "where", "", "print only frames for whose body the jq expression `EXPR` is true")
	f.StringVar(&o.format, "format", "", "print each frame as `FORMAT` says, see "+more)
	f.BoolVar(&o.json, "json", false, "print each frame as a JSON object on a line")
	f.StringVar(&o.jq, "jq", "", "print what the jq expression `EXPR` makes of each body, each result as JSON on\na line")
	f.BoolVar(&o.raw, "raw", false, "print the bytes of the frames and nothing else, msgpack as it is")
	f.BoolVar(&o.null, "null", false, "end each frame with a zero byte instead of a newline")
	f.BoolVar(&o.prefixed, "length-prefixed", false, "print each frame's length (4 bytes, big endian) before it and no newline\nafter it; frames stay as they are")
	f.BoolVar(&o.hex, "hex", false, "print a hex dump of each frame, as xxd does")
	f.BoolVar(&o.lossless, "lossless", false, "join the topics: publishers wait for this tap, however slow its output is,\nand none of its frames is lost; for topics made with --lossless")
	f.StringVar(&o.group, "group", "", "join the topics as a member of the group `NAME`: each frame goes to one member\nonly, and publishers wait; for topics made with --lossless")
}

// check finds what cannot be meant together, or at all.
func (o *tapOptions) check(c *cobra.Command) error {
	first := ""
	for _, name := range []string{"format", "json", "jq", "raw", "null", "length-prefixed", "hex"} {
		switch {
		case !given(c, name):
		case first != "":
			return usage(c, "--%s and --%s: there is one form of output; give one of the two", first, name)
		default:
			first = name
		}
	}
	for name, d := range map[string]time.Duration{"timeout": o.timeout, "every": o.every} {
		if c.Flags().Changed(name) && d <= 0 {
			return usage(c, "--%s %v: it is a duration above zero, like 10s or 1m30s", name, d)
		}
	}
	switch {
	case o.count < 0:
		return usage(c, "-n %d: it is the number of frames to print", o.count)
	case o.lossless && c.Flags().Changed("group"):
		return usage(c, "--lossless and --group: a member of a group gets its share of the frames, not all; give one of the two")
	case o.every > 0 && c.Flags().Changed("group"):
		return usage(c, "--every and --group: the frames that are not printed would be lost to the other members; give one of the two")
	case c.Flags().Changed("group"):
		if err := topics.CheckGroup(o.group); err != nil {
			return usage(c, "--group: it is a name like a topic's: %w", err)
		}
	}
	return nil
}

// start is where the tap begins.
func (o *tapOptions) start(c *cobra.Command) (origin, error) {
	from := o.from
	if from == "" && !c.Flags().Changed("from") {
		from = "newest"
		if o.exit {
			from = "oldest"
		}
	}
	s, err := parseStart(from, time.Now())
	switch {
	case err != nil:
		return s, usage(c, "%w", err)
	case !s.since.IsZero() && c.Flags().Changed("group"):
		return s, usage(c, "--from %s and --group: the frames that are left out would be lost to the other members; "+
			"give newest, oldest, -N or a position", from)
	}
	return s, nil
}

// form is how frames are printed.
func (o *tapOptions) form(c *cobra.Command, t *tap) (form, error) {
	terminal, flags := t.out.terminal, c.Flags()
	switch {
	case flags.Changed("format"):
		f, err := parseFormat(o.format)
		if err != nil {
			return nil, tapUsage(c, "--format %q: %w", o.format, err)
		}
		f.terminal, f.odd = terminal, t.odd
		return f, nil
	case flags.Changed("jq"):
		p, err := compileJQ("--jq", o.jq, t.say)
		if err != nil {
			return nil, tapUsage(c, "%w", err)
		}
		t.programs = append(t.programs, p)
		return &jqForm{program: p, terminal: terminal}, nil
	case o.json:
		return &jsonForm{terminal: terminal, odd: t.odd}, nil
	case o.hex:
		return &hexForm{}, nil
	case o.prefixed:
		if terminal {
			return nil, usage(c, "--length-prefixed is not for terminals; send the output to a file or a pipe")
		}
		return prefixedForm{}, nil
	}
	f := &plainForm{end: "\n", terminal: terminal, raw: o.raw, odd: t.odd}
	switch {
	case o.null:
		f.end = "\x00"
	case o.raw && !terminal:
		f.end = ""
	case terminal && t.several && !o.raw:
		f.prefix = topicPrefix(t.out.coloured)
	}
	return f, nil
}

// filter is what --where says, or nil.
func (o *tapOptions) filter(c *cobra.Command, t *tap) (*program, error) {
	if !c.Flags().Changed("where") {
		return nil, nil
	}
	p, err := compileJQ("--where", o.where, t.say)
	if err != nil {
		return nil, tapUsage(c, "%w", err)
	}
	t.programs = append(t.programs, p)
	return p, nil
}

// tapUsage is usage for what only the help of tap explains, also of the command that is short for it.
func tapUsage(c *cobra.Command, format string, args ...any) error {
	if tap, _, err := c.Root().Find([]string{"tap"}); err == nil {
		c = tap
	}
	return usage(c, format, args...)
}

// idleError is the end of a tap with --timeout.
func idleError(d time.Duration) error { return explain(errTimeout, "no frame for %v", d) }
