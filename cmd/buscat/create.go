package main

import (
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"shmbus/bus"
)

func (a *app) createCommand() *cobra.Command {
	g := &geometry{}
	c := &cobra.Command{
		Use:   "create TOPIC",
		Short: "Make a topic",
		Long: `Create makes a topic, and the bus directory if need be. Its shape is fixed then.
If the topic is there already and has the same policy, that is no error: it stays
as it is, and a message says how that is if it is not as the flags say.

A ring takes slots x (cell + 64) bytes of memory. A frame takes as many
slots as its bytes need cells, at least one, and at most half the ring.`,
		Example: `  buscat create sensors/imu/0
  buscat create --lossless --slots 65536 orders
  buscat create --cell 65536 --slots 1024 video        frames up to 32 MiB`,
		Args: oneTopic,
		RunE: func(c *cobra.Command, args []string) error { return a.runCreate(c, args[0], g) },
	}
	f := c.Flags()
	f.SortFlags = false
	g.flags(c)
	f.BoolVar(&g.options.Exclusive, "exclusive", false, "one publisher at a time; a little faster")
	f.BoolVar(&g.options.NoTime, "no-time", false, "frames carry no time")
	f.IntVar(&g.options.MaxPublishers, "publishers", 0, "how many publishers may be open at once, at `most` (default 64)")
	f.IntVar(&g.options.MaxSubscribers, "subscribers", 0, "how many subscribers may have joined at once, at `most`;\na group counts beside its members (default 64)")
	return c
}

func (a *app) runCreate(c *cobra.Command, topic string, g *geometry) error {
	options, err := g.topic(c)
	if err != nil {
		return err
	}
	b, err := a.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	err = b.CreateTopic(topic, options)
	if errors.Is(err, fs.ErrPermission) { // to see that it is there takes no more than permission to read
		if s, unseen := b.Stat(topic); unseen == nil {
			err = nil
			if s.Policy != options.Policy {
				err = bus.ErrPolicy
			}
		}
	}
	if errors.Is(err, bus.ErrPolicy) {
		return wrongPolicy(topic, g.lossless, err)
	}
	if err == nil {
		a.note(c, b, topic, options)
	}
	return err
}
