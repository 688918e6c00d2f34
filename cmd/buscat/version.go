package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"shmbus/internal/cli"
	"shmbus/segment"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of buscat and of the segment layout",
		Long:    "Version shows the version of buscat, of Go, and of the layout of the segments that it understands.",
		Example: "  buscat version\n  buscat --version",
		Args:    cli.Nothing,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.out, version())
			return outputError(err)
		},
	}
}

func version() string { return cli.Version("buscat", fmt.Sprintf("layout %d", segment.Version)) }
