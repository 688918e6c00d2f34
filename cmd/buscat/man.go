package main

import (
	"github.com/spf13/cobra"

	"shmbus/internal/manpage"
)

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages into a directory",
		Long: `Man writes buscat.1 and a page for each command into a directory, and makes that
if need be. They have the text of --help.`,
		Example: `  buscat man /usr/local/share/man/man1
  buscat man pages && man -l pages/buscat-tap.1`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" || args[0] == "-" {
				return usage(c, "give one directory")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return manpage.Write(c.Root(), args[0]) },
	}
}
