package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"shmbus/plugins"
	"shmbus/plugins/builtin"
)

// builtinCommand is a plugin that busd brings, as a process of its own. A runner starts it.
func (a *app) builtinCommand() *cobra.Command {
	names := builtin.Names()
	return &cobra.Command{
		Use:    "builtin NAME",
		Short:  "Run a built-in plugin: " + strings.Join(names, ", "),
		Hidden: true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(names, args[0]) {
				return usage(c, "name one of %s", strings.Join(names, ", "))
			}
			return nil
		},
		Run: func(_ *cobra.Command, args []string) { plugins.Serve(builtin.All[args[0]].Run) },
	}
}
