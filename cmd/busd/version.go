package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"shmbus/internal/cli"
	"shmbus/plugins"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of busd",
		Long:    "Version shows the version of busd, of the plugin contract that it speaks, and of Go.",
		Example: "  busd version\n  busd --version",
		Args:    cli.Nothing,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.out, version())
			return printed(err)
		},
	}
}

func version() string { return cli.Version("busd", fmt.Sprintf("contract %d", plugins.Version)) }
