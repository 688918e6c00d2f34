//go:build !linux

package hoststats

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"shmbus/plugins"
)

// Run is an error: the numbers are those of Linux's /proc.
func Run(context.Context, *plugins.Plugin) error {
	return fmt.Errorf("hoststats reads Linux's /proc, and this is %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
