// Package cli is what busd and buscat have in common as commands: wrong usage, the end by a signal, help, the version, and the scripts for shells.
package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// A UsageError is a command line that cannot be run.
type UsageError struct {
	Command string // its path, for --help
	err     error
}

// Error is what is wrong.
func (e *UsageError) Error() string { return e.err.Error() }

// Unwrap is the error that the format wrapped.
func (e *UsageError) Unwrap() error { return e.err }

// Usage is a UsageError about the command line of c.
func Usage(c *cobra.Command, format string, args ...any) error {
	return &UsageError{c.CommandPath(), fmt.Errorf(format, args...)}
}

// Nothing checks that there are no arguments.
func Nothing(c *cobra.Command, args []string) error {
	if len(args) > 0 && c.HasSubCommands() {
		return Usage(c, "%s has no command %q", c.CommandPath(), args[0])
	}
	if len(args) > 0 {
		return Usage(c, "%s takes no argument, and %q is one", c.CommandPath(), args[0])
	}
	return nil
}
