package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// TO BE REPLACED AT THE MERGE by the file that has the built-in plugins.
func (a *app) builtinCommand() *cobra.Command {
	return &cobra.Command{
		Use: "builtin NAME", Hidden: true, Short: "Run a built-in plugin",
		RunE: func(*cobra.Command, []string) error { return errors.ErrUnsupported },
	}
}
