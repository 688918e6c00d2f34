package main

import (
	"bytes"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"shmbus/internal/cli"
)

func (a *app) pruneCommand() *cobra.Command {
	force := false
	c := &cobra.Command{
		Use:   "prune",
		Short: "Remove what nobody holds",
		Long: `Prune shows the topics on which nobody has a publisher or a subscription open,
and the segments that would be empty then. With --force it removes them.

Taps do not hold anything: a topic that is only looked at is shown as well.`,
		Example: `  buscat prune
  buscat prune --force`,
		Args: cli.Nothing,
		RunE: func(c *cobra.Command, _ []string) error { return a.runPrune(c, force) },
	}
	c.Flags().BoolVar(&force, "force", false, "remove what is shown")
	return c
}

func (a *app) runPrune(c *cobra.Command, force bool) error {
	b, err := a.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	look, word := b.Unheld, "would remove"
	if force {
		look, word = b.Prune, "removed"
	}
	all, failed := look()
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, u := range all {
		if u.Topic != "" {
			fmt.Fprintf(w, "%s\ttopic %s\t%s\t%s\n", word, u.Topic, frames(u.Frames), size(u.Memory))
		} else {
			fmt.Fprintf(w, "%s\tsegment %s\t-\t%s\n", word, u.Segment, size(u.Memory))
		}
	}
	_ = w.Flush()
	if _, err := a.out.Write(text.Bytes()); err != nil {
		return outputError(err)
	}
	switch {
	case len(all) == 0 && failed == nil:
		a.say("everything on %s is held by somebody, or there is nothing", b.Dir())
	case len(all) > 0 && !force:
		a.say("nothing was removed; 'buscat prune --force' removes it")
	}
	return failed
}
