package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"shmbus/bus"
)

func (a *app) kickCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "kick TOPIC ID",
		Short: "End a lossless subscription that is stuck",
		Long: `Kick ends the lossless subscription with that id, which 'buscat stat' and
'buscat doctor' show, though its process lives: publishers wait for it no more.
The subscription is told so. Frames that it still has in hand may be overwritten.

A member of a group cannot be kicked: end its process, and its frame goes to
another member.`,
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
			err = b.Kick(args[0], id)
			if errors.Is(err, fs.ErrNotExist) {
				return notKicked(b, args[0], id, err)
			}
			return noTopic(b, args[0], err)
		},
	}
}

// notKicked says why there is nothing to kick, and what there is.
func notKicked(b *bus.Bus, topic string, id uint64, err error) error {
	st, serr := b.Stat(topic)
	if serr != nil {
		return err
	}
	var ids []string
	for _, s := range st.SubscriberList {
		switch {
		case s.ID == id && s.Group != "":
			return explain(err, "subscription %d of %q is a member of group %s, and cannot be kicked: end process %d, and its frame goes to another member",
				id, topic, s.Group, s.Pid)
		case s.ID == id:
			return explain(err, "subscription %d of %q is lossy, and holds nobody up: there is no need to kick it", id, topic)
		case s.Lossless && s.Group == "":
			ids = append(ids, fmt.Sprint(s.ID))
		}
	}
	if len(ids) == 0 {
		return explain(err, "%q has no lossless subscription %d, nor any other", topic, id)
	}
	return explain(err, "%q has no lossless subscription %d, but %s", topic, id, strings.Join(ids, ", "))
}
