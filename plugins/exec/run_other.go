//go:build !linux

package exec

import (
	"context"
	"errors"
	"fmt"
)

// Run is there on Linux only.
func Run(context.Context, string) error {
	return fmt.Errorf("run a plugin: %w: runners need Linux", errors.ErrUnsupported)
}
