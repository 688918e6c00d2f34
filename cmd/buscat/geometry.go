package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/internal/bytesize"
	"shmbus/topics"
)

// geometry is the flags that say what shape a new topic has.
type geometry struct {
	lossless bool
	options  bus.TopicOptions
}

// flags declares those that pub has, too.
func (g *geometry) flags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&g.lossless, "lossless", false, "publishers wait for subscribers that joined with --lossless,\ninstead of overwriting what those have not read")
	f.IntVar(&g.options.Slots, "slots", 0, "`number` of slots in a new topic's ring; rounded up to a power of two\n(default 8192)")
	f.Var((*bytesize.Size)(&g.options.CellSize), "cell", "payload `bytes` in a slot of a new topic, up to 65536, like 4096 or 4KiB;\nrounded up to a power of two of at least 64 (default 64). A frame takes as many\nslots as it needs, at most half the ring")
	f.BoolVar(&g.options.Ephemeral, "ephemeral", false, "a new topic goes with the last who publishes or subscribes, taps not\ncounted")
}

// topic is the options, or an error if they make no sense.
func (g *geometry) topic(c *cobra.Command) (bus.TopicOptions, error) {
	o := g.options
	for _, name := range []string{"slots", "publishers", "subscribers"} {
		if f := c.Flags().Lookup(name); f != nil && f.Changed && f.Value.String() == "0" {
			return o, usage(c, "--%s 0 makes no sense", name)
		}
	}
	if g.lossless {
		o.Policy = bus.PolicyLossless
	}
	if err := o.Check(); err != nil {
		return o, usage(c, "%w", err)
	}
	return o, nil
}

// note tells the user if a topic that was there before is not as the flags say. What is not given may be anything.
func (a *app) note(c *cobra.Command, b *bus.Bus, topic string, o bus.TopicOptions) {
	s, err := b.Stat(topic)
	if err != nil {
		return
	}
	asked, err := topics.Geometry{
		Slots: cmp.Or(o.Slots, s.Slots), CellSize: cmp.Or(o.CellSize, s.CellSize), Exclusive: o.Exclusive,
		Publishers: cmp.Or(o.MaxPublishers, s.MaxPublishers), Subscriptions: cmp.Or(o.MaxSubscribers, s.MaxSubscribers),
	}.Normal() // rounded up, as the topic's shape was
	same := err == nil && asked.Slots == s.Slots && asked.CellSize == s.CellSize && asked.Publishers == s.MaxPublishers && asked.Subscriptions == s.MaxSubscribers
	for name, differs := range map[string]bool{
		"exclusive": o.Exclusive != s.Exclusive, "no-time": o.NoTime != s.NoTime, "ephemeral": o.Ephemeral != s.Ephemeral,
	} {
		same = same && !(differs && c.Flags().Changed(name))
	}
	if !same {
		shape := []string{fmt.Sprintf("%d slots of %d bytes", s.Slots, s.CellSize)}
		room := fmt.Sprintf("room for %s and %s", count(s.MaxPublishers, "publisher"), count(s.MaxSubscribers, "subscriber"))
		a.say("topic %q was there before and stays as it is: %s", topic, strings.Join(append(append(shape, traits(s.TopicInfo)...), room), ", "))
	}
}

// traits is what a topic has beside policy and size, in words.
func traits(t bus.TopicInfo) (all []string) {
	for _, trait := range []struct {
		has  bool
		name string
	}{{t.Exclusive, "exclusive"}, {t.NoTime, "no time"}, {t.Ephemeral, "ephemeral"}} {
		if trait.has {
			all = append(all, trait.name)
		}
	}
	return all
}

// wrongPolicy says in the shell's words that a topic's policy is another one than was asked for.
func wrongPolicy(topic string, lossless bool, err error) error {
	is, to := "lossless", "leave --lossless away"
	if lossless {
		is = "not lossless"
	} else {
		to = "add --lossless"
	}
	return explain(err, "topic %q is there and is %s; %s, or remove the topic first", topic, is, to)
}

// noPlace says in the shell's words that a topic has all the publishers it takes. Other errors pass.
func noPlace(b *bus.Bus, topic string, err error) error {
	if !errors.Is(err, bus.ErrLimit) {
		return err
	}
	s, serr := b.Stat(topic)
	if serr != nil || s.Publishers < s.MaxPublishers { // another limit
		return err
	}
	return explain(err, "topic %q has no place for one more publisher; end one of its %d, or make it with more --publishers", topic, s.Publishers)
}
