package main

import (
	"github.com/spf13/cobra"

	"shmbus/internal/manpage"
)

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages into a directory",
		Long: `Man writes busd.1 and a page for each command into a directory, and makes that
if need be. They have the text of --help.`,
		Example: `  busd man /usr/local/share/man/man1
  busd man pages && man -l pages/busd-run.1`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" || args[0] == "-" {
				return usage(c, "give one directory")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return manpage.Write(c.Root(), args[0]) },
	}
}
