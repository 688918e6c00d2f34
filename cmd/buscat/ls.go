package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/topics"
)

// lsOptions are the flags of ls.
type lsOptions struct {
	all   bool
	tree  bool
	every time.Duration // --watch; 0: once
	json  bool
}

func (a *app) lsCommand() *cobra.Command {
	o := &lsOptions{}
	c := &cobra.Command{
		Use:   "ls [TOPIC...]",
		Short: "Show the topics on the bus",
		Long: `Ls shows the topics on the bus, by name, with the number of publishers and of
subscribers that have joined, and the frames and bytes published so far. TOPIC
is a name or a pattern: sensors/*/temp, or sensors/** for all below.

Topics whose names begin with '$' are the bus's own. They are shown with --all,
or if a pattern begins with '$'.

With --watch they are shown again and again, with rates, until Ctrl-C: on a
terminal in the same place, else one after the other.`,
		Example: `  buscat ls
  buscat ls --tree 'sensors/**'
  buscat ls --watch=500ms
  buscat ls --json | jq -r '.[].name'`,
		RunE: func(c *cobra.Command, args []string) error { return a.runLs(c, args, o) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.BoolVarP(&o.all, "all", "a", false, "show topics whose names begin with '$', too")
	f.BoolVar(&o.tree, "tree", false, "show names as a tree of their parts")
	f.DurationVar(&o.every, "watch", 0, "show them again after this `time`, for ever; 1s if none is given")
	f.Lookup("watch").NoOptDefVal = "1s"
	f.BoolVar(&o.json, "json", false, "print a JSON array, with an object for each topic")
	return c
}

func (a *app) runLs(c *cobra.Command, args []string, o *lsOptions) error {
	watch := c.Flags().Changed("watch")
	for _, arg := range args {
		if d, err := time.ParseDuration(arg); watch && err == nil && d > 0 {
			return usage(c, "--watch %s: a time is written behind '=': --watch=%s", arg, arg)
		}
	}
	switch {
	case watch && o.every < time.Millisecond:
		return usage(c, "--watch=%v: it has to be 1ms at least", o.every)
	case o.all && len(args) > 0:
		return usage(c, "--all is for all topics, and %q are given; a pattern that begins with '$' means the bus's own", strings.Join(args, " "))
	case o.tree && o.json:
		return usage(c, "--tree and --json: give one of the two")
	}
	var patterns []topics.Pattern
	if len(args) > 0 {
		var err error
		if patterns, err = parsePatterns(c, args); err != nil {
			return err
		}
	}
	b, err := a.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	l := &lister{app: a, lsOptions: *o, bus: b, patterns: patterns}
	if watch {
		return a.watch(c, o.every, l.show)
	}
	text, failed := l.show()
	if failed == nil {
		failed = l.missing()
	}
	if len(text) == 0 && failed == nil {
		a.say("%s", l.nothing())
	}
	if _, err := a.out.Write(text); err != nil {
		return outputError(err)
	}
	return failed
}

// A lister shows topics.
type lister struct {
	*app
	lsOptions
	bus      *bus.Bus
	patterns []topics.Pattern // none: all topics
	shown    []bus.TopicInfo
	before   map[string]counters // when they were shown before; nil: they were not
}

// show is the topics as text. Segments that cannot be read are reported beside the topics of the others; without any it is not known that
// there are none, and nothing is said.
func (l *lister) show() ([]byte, error) {
	all, failed := l.bus.Topics()
	now := time.Now()
	l.shown = slices.DeleteFunc(all, func(t bus.TopicInfo) bool { return !l.wanted(t.Name) })
	if failed != nil && len(l.shown) == 0 {
		return nil, failed
	}
	var text []byte
	switch {
	case l.json:
		var err error
		if text, err = lsJSON(l.shown); err != nil {
			return nil, err
		}
	case len(l.shown) > 0:
		text = l.table(now)
	}
	if l.every > 0 {
		if !l.json { // an empty line between tables
			text = append(text, '\n')
			if len(l.shown) == 0 {
				text = []byte(l.nothing() + "\n\n")
			}
		}
		l.before = map[string]counters{}
		for _, t := range l.shown {
			l.before[t.Name] = counters{t.Made, t.Frames, t.Bytes, now}
		}
	}
	return text, failed
}

func (l *lister) wanted(name string) bool {
	if len(l.patterns) == 0 {
		return l.all || !strings.HasPrefix(name, "$")
	}
	return matches(l.patterns, name)
}

// matches says whether one of the patterns means that topic.
func matches(all []topics.Pattern, name string) bool {
	return slices.ContainsFunc(all, func(p topics.Pattern) bool { return p.Match(name) })
}

// missing is an error that names each topic that was named and is not there.
func (l *lister) missing() error {
	var all []error
	for _, p := range l.patterns {
		if p.Literal() && !slices.ContainsFunc(l.shown, func(t bus.TopicInfo) bool { return t.Name == p.String() }) {
			all = append(all, fmt.Errorf("no topic %q on %s", p.String(), l.bus.Dir()))
		}
	}
	return errors.Join(all...)
}

// nothing says that there is none of the topics that were asked for.
func (l *lister) nothing() string {
	if len(l.patterns) == 0 {
		return "there are no topics on " + l.bus.Dir()
	}
	return fmt.Sprintf("there are no topics that match %s on %s", names(l.patterns), l.bus.Dir())
}

// topicJSON is a topic as ls and stat show it in JSON.
type topicJSON struct {
	Name        string `json:"name"`
	Segment     string `json:"segment"`
	Policy      string `json:"policy"`
	Slots       int    `json:"slots"`
	Cell        int    `json:"cell"`
	Memory      int64  `json:"memory"`
	Publishers  int    `json:"publishers"`
	Subscribers int    `json:"subscribers"`
	Frames      uint64 `json:"frames"`
	Bytes       uint64 `json:"bytes"`
}

func newTopicJSON(t bus.TopicInfo) topicJSON {
	return topicJSON{
		t.Name, t.Segment, t.Policy.String(), t.Slots, t.CellSize, t.Memory, t.Publishers, t.Subscribers, t.Frames, t.Bytes,
	}
}

// lsJSON is an array with one topic a line.
func lsJSON(all []bus.TopicInfo) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, t := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		line, err := marshal(newTopicJSON(t))
		if err != nil {
			return nil, err
		}
		b.WriteByte('\n')
		b.Write(line)
	}
	if len(all) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString("]\n")
	return b.Bytes(), nil
}

// marshal is json.Marshal that leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}

// table is the topics as a table.
func (l *lister) table(now time.Time) []byte {
	head := []string{"NAME", "POLICY", "SLOTS", "CELL", "MEMORY", "PUBLISHERS", "SUBSCRIBERS", "FRAMES", "BYTES"}
	segments := slices.ContainsFunc(l.shown, func(t bus.TopicInfo) bool { return t.Segment != "main" })
	if segments { // only worth a column if somebody uses several
		head = slices.Insert(head, 1, "SEGMENT")
	}
	if l.every > 0 {
		head = append(head, "FRAMES/S", "BYTES/S")
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(cells []string) { fmt.Fprintln(w, strings.Join(cells, "\t")) }
	row(head)
	topic := func(name string, t bus.TopicInfo) {
		cells := []string{
			name, t.Policy.String(), fmt.Sprint(t.Slots), fmt.Sprint(t.CellSize), size(t.Memory),
			fmt.Sprint(t.Publishers), fmt.Sprint(t.Subscribers), fmt.Sprint(t.Frames), size(t.Bytes),
		}
		if segments {
			cells = slices.Insert(cells, 1, t.Segment)
		}
		if l.every > 0 {
			cells = append(cells, l.rates(t, now)...)
		}
		row(cells)
	}
	if l.tree {
		newTree(l.shown).draw(func(name string, n *node) {
			if n.topic != nil {
				topic(name, *n.topic)
			} else {
				row(append([]string{name}, make([]string, len(head)-1)...)) // else its columns would end here
			}
		})
	} else {
		for _, t := range l.shown {
			topic(t.Name, t)
		}
	}
	_ = w.Flush()
	return b.Bytes()
}

// rates is how much came each second since the topic was shown before.
func (l *lister) rates(t bus.TopicInfo, now time.Time) []string {
	was, known := l.before[t.Name]
	if !known {
		return []string{"-", "-"}
	}
	c := counters{t.Made, t.Frames, t.Bytes, now}
	frames, bytes := c.since(was)
	d := now.Sub(was.at)
	return []string{each(perSecond(frames, d)), size(int64(perSecond(bytes, d) + 0.5))}
}
