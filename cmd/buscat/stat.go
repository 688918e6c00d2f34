package main

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// statOptions are the flags of stat.
type statOptions struct {
	interval time.Duration
	json     bool
}

func (a *app) statCommand() *cobra.Command {
	o := &statOptions{}
	c := &cobra.Command{
		Use:   "stat TOPIC...",
		Short: "Show a topic's shape, rates, publishers and subscribers",
		Long: `Stat shows topics: their shape, what was published, how much that is a second, the
publishers, and the subscribers that have joined (a plain tap does not). LAG is
how many slots a subscriber is behind; BLOCKED is how long a publisher has
waited for room so far.

For the rates it looks twice, --interval apart. TOPIC may be a pattern:
sensors/*/temp, or sensors/** for all below. With --json each topic is an object
on a line.`,
		Example: `  buscat stat numbers
  buscat stat --interval 0 'sensors/**'           at once, without rates
  buscat stat --json numbers | jq '.subscriber_list[].lag'
  buscat stat --json --interval 2s numbers | jq .frames_per_second`,
		RunE: func(c *cobra.Command, args []string) error { return a.runStat(c, args, o) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.DurationVar(&o.interval, "interval", 500*time.Millisecond, "measure rates for so long; 0: no rates")
	f.BoolVar(&o.json, "json", false, "print JSON objects")
	return c
}

func (a *app) runStat(c *cobra.Command, args []string, o *statOptions) error {
	patterns, err := parsePatterns(c, args)
	if err == nil && o.interval < 0 {
		err = usage(c, "--interval %v: it has to be above 0, or 0", o.interval)
	}
	if err != nil {
		return err
	}
	b, err := a.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	all, failed := a.statTwice(c.Context(), b, patterns, o.interval)
	var out []byte
	for i, s := range all {
		switch {
		case o.json:
			text, err := marshal(newStatJSON(s))
			if err != nil {
				return err
			}
			out = append(append(out, text...), '\n')
		default:
			if i > 0 {
				out = append(out, '\n')
			}
			out = append(out, statText(s)...)
		}
	}
	if _, err := a.out.Write(out); err != nil {
		return outputError(err)
	}
	return interrupted(c.Context(), failed)
}

// statJSON is what stat --json prints: what ls shows of a topic, and more.
type statJSON struct {
	topicJSON
	Frequency      *float64         `json:"frames_per_second,omitempty"`
	Bandwidth      *float64         `json:"bytes_per_second,omitempty"`
	Blocked        int64            `json:"blocked_ns"`
	Lag            uint64           `json:"lag"`
	Lost           uint64           `json:"lost"`
	MaxFrame       int              `json:"max_frame"`
	MaxPublishers  int              `json:"max_publishers"`
	MaxSubscribers int              `json:"max_subscribers"`
	Exclusive      bool             `json:"exclusive"`
	NoTime         bool             `json:"no_time"`
	Ephemeral      bool             `json:"ephemeral"`
	Made           time.Time        `json:"made"`
	Head           uint64           `json:"head"`
	Tail           uint64           `json:"tail"`
	PublisherList  []publisherJSON  `json:"publisher_list"`
	SubscriberList []subscriberJSON `json:"subscriber_list"`
	GroupList      []groupJSON      `json:"group_list"`
}

type publisherJSON struct {
	ID      uint64 `json:"id"`
	Pid     int    `json:"pid"`
	Alive   bool   `json:"alive"`
	Blocked int64  `json:"blocked_ns"`
	Claimed uint64 `json:"claimed"`
	Claim   uint64 `json:"claim"`
}

type subscriberJSON struct {
	ID       uint64 `json:"id"`
	Pid      int    `json:"pid"`
	Alive    bool   `json:"alive"`
	Lossless bool   `json:"lossless"`
	Group    string `json:"group,omitempty"`
	Holds    bool   `json:"holds,omitempty"`
	Left     bool   `json:"left,omitempty"`
	Position uint64 `json:"position"`
	Lag      uint64 `json:"lag"`
	Received uint64 `json:"received"`
	Lost     uint64 `json:"lost"`
}

type groupJSON struct {
	Name     string `json:"name"`
	Members  int    `json:"members"`
	Position uint64 `json:"position"`
	Lag      uint64 `json:"lag"`
}

func newStatJSON(s measured) statJSON {
	j := statJSON{
		topicJSON: newTopicJSON(s.TopicInfo),
		MaxFrame:  s.MaxFrame, MaxPublishers: s.MaxPublishers, MaxSubscribers: s.MaxSubscribers,
		Exclusive: s.Exclusive, NoTime: s.NoTime, Ephemeral: s.Ephemeral, Made: s.Made, Head: s.Head, Tail: s.Tail,
		PublisherList: []publisherJSON{}, SubscriberList: []subscriberJSON{},
		GroupList: []groupJSON{},
	}
	if s.elapsed > 0 {
		frames, bytes := perSecond(s.frames, s.elapsed), perSecond(s.bytes, s.elapsed)
		j.Frequency, j.Bandwidth = &frames, &bytes
	}
	j.Blocked, j.Lag, j.Lost = int64(s.blocked()), s.lag(), s.lost()
	for _, p := range s.PublisherList {
		j.PublisherList = append(j.PublisherList, publisherJSON{p.ID, p.Pid, p.Alive, p.Blocked.Nanoseconds(), p.Claimed, p.Claim})
	}
	for _, u := range s.SubscriberList {
		j.SubscriberList = append(j.SubscriberList,
			subscriberJSON{u.ID, u.Pid, u.Alive, u.Lossless, u.Group, u.Holds, u.Left, u.Position, u.Lag, u.Received, u.Lost})
	}
	for _, g := range s.GroupList {
		j.GroupList = append(j.GroupList, groupJSON(g))
	}
	return j
}

func statText(s measured) []byte {
	var b bytes.Buffer
	line := func(key, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", key, fmt.Sprintf(format, args...))
	}
	policy := append([]string{s.Policy.String()}, traits(s.TopicInfo)...)
	line("topic", "%s", s.Name)
	line("segment", "%s", s.Segment)
	line("policy", "%s", strings.Join(policy, ", "))
	line("ring", "%d slots of %d bytes, frames up to %s, %s of memory", s.Slots, s.CellSize, size(s.MaxFrame), size(s.Memory))
	line("made", "%s", s.Made.Format("2006-01-02 15:04:05.000 -0700"))
	line("published", "%s, %s", frames(s.Frames), size(s.Bytes))
	if s.elapsed > 0 {
		line("rate", "%s frames/s, %s/s", each(perSecond(s.frames, s.elapsed)), size(int64(perSecond(s.bytes, s.elapsed)+0.5)))
	}
	line("positions", "head %d, tail %d", s.Head, s.Tail)
	line("publishers", "%d of %d", s.Publishers, s.MaxPublishers)
	table(&b, len(s.PublisherList), func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "  ID\tPID\tSTATE\tBLOCKED\tOPEN CLAIM")
		for _, p := range s.PublisherList {
			claim := "-"
			if p.Claimed > 0 {
				claim = fmt.Sprintf("%s at %d", count(p.Claimed, "slot"), p.Claim)
			}
			fmt.Fprintf(w, "  %d\t%s\t%s\t%v\t%s\n", p.ID, pid(p.Pid), state(p.Alive), p.Blocked.Round(time.Microsecond), claim)
		}
	})
	line("subscribers", "%d of %d", s.Subscribers, s.MaxSubscribers)
	table(&b, len(s.SubscriberList), func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "  ID\tPID\tSTATE\tKIND\tPOSITION\tLAG\tRECEIVED\tLOST")
		for _, u := range s.SubscriberList {
			kind := "lossy"
			switch {
			case u.Group != "" && u.Holds:
				kind = "group " + u.Group + ", has a frame"
			case u.Group != "":
				kind = "group " + u.Group
			case u.Lossless:
				kind = "lossless"
			}
			fmt.Fprintf(w, "  %d\t%s\t%s\t%s\t%d\t%d\t%d\t%d\n",
				u.ID, pid(u.Pid), state(u.Alive), kind, u.Position, u.Lag, u.Received, u.Lost)
		}
	})
	if len(s.GroupList) > 0 {
		line("groups", "%d", len(s.GroupList))
	}
	table(&b, len(s.GroupList), func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "  NAME\tMEMBERS\tPOSITION\tLAG")
		for _, g := range s.GroupList {
			fmt.Fprintf(w, "  %s\t%d\t%d\t%d\n", g.Name, g.Members, g.Position, g.Lag)
		}
	})
	return b.Bytes()
}

// table writes rows in columns.
func table(b *bytes.Buffer, rows int, fill func(*tabwriter.Writer)) {
	if rows == 0 {
		return
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fill(w)
	_ = w.Flush()
}

func state(alive bool) string {
	if alive {
		return "alive"
	}
	return "dead"
}

func pid(n int) string {
	if n == 0 {
		return "?"
	}
	return fmt.Sprint(n)
}
