package main

import (
	"github.com/spf13/cobra"

	"shmbus/plugins/exec"
)

// runnerCommand is the process that a plugin runs under. busd starts it, for itself; people start it to look into something.
func (a *app) runnerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "runner SPEC",
		Short:  "Run one plugin",
		Hidden: true,
		Long: `Runner runs the plugin of the spec.json that busd has written for it: it starts it,
publishes for it, keeps its log and starts it again when it fails. It stops the
plugin and ends when it gets SIGTERM.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return exec.Run(c.Context(), args[0]) },
	}
}
