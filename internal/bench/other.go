//go:build !linux

package bench

import (
	"context"
	"errors"
	"runtime"
)

// Serve does nothing here: there are no crews.
func Serve() {}

// Measure is not there yet on this platform.
func Measure(context.Context, Spec) (*Result, error) {
	return nil, errors.New("the benchmark is not there yet on " + runtime.GOOS)
}

// AllowedCPUs is nothing here: nobody can be pinned.
func AllowedCPUs() []int { return nil }
