// Package cli is what busd and buscat have in common as commands: wrong usage, the end by a signal, help, the version, and the scripts for shells.
package cli

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

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

// SameWish is how long another signal is the first one said twice: timeout(1) sends it to its child, and then to the group the child is in.
const SameWish = 100 * time.Millisecond

// Signalled is why a run was cancelled: the process got a signal. It is a context.Canceled.
type Signalled struct{ os.Signal }

// Error names the signal.
func (s Signalled) Error() string { return "stopped by a signal: " + s.String() }

// Is says that it is a context.Canceled.
func (s Signalled) Is(target error) bool { return target == context.Canceled }

// ExitCode is what a shell makes of a process that such a signal has killed.
func (s Signalled) ExitCode() int {
	if n, ok := s.Signal.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return 1
}
