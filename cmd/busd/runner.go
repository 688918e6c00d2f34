package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// TO BE REPLACED AT THE MERGE by the file that calls exec.Run.
func (a *app) runnerCommand() *cobra.Command {
	return &cobra.Command{
		Use: "runner SPEC", Hidden: true, Short: "Run one plugin",
		RunE: func(*cobra.Command, []string) error { return errors.ErrUnsupported },
	}
}
