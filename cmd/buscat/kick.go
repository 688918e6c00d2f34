package main

import (
	"strconv"

	"github.com/spf13/cobra"
)

func (a *app) kickCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "kick TOPIC ID",
		Short: "End a lossless subscription that is stuck",
		Long: `Kick ends the lossless subscription with that id, which 'buscat stat' and
'buscat doctor' show, though its process lives: publishers wait for it no more.
The subscription is told so. Frames that it still has in hand may be overwritten.

A member of a group cannot be kicked: end its process, and its frame goes to
another member. If it has ended already, start another one.`,
		Example: `  buscat kick numbers 3`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(c, "give a topic and the id of one of its subscriptions, which 'buscat stat TOPIC' shows")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseUint(args[1], 10, 64)
			if err != nil {
				return usage(c, "%q is no subscription's id, which is a number", args[1])
			}
			b, err := a.open(c)
			if err != nil {
				return err
			}
			defer b.Close()
			return noTopic(b, args[0], b.Kick(args[0], id))
		},
	}
}
