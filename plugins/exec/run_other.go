//go:build !linux

package exec

import (
	"context"
	"errors"
	"fmt"

	"shmbus/plugins"
)

// Run is there on Linux only.
func Run(context.Context, string) error {
	return fmt.Errorf("run a plugin: %w: runners need Linux", errors.ErrUnsupported)
}

// CheckReach finds nothing: nothing is run.
func CheckReach(*plugins.Spec) error { return nil }
