//go:build !unix

package waketest

import (
	"errors"
	"runtime"
	"testing"

	"shmbus/wake"
)

func mapFile(string, bool) ([]byte, error) {
	return nil, errors.New("the test suite cannot map files on " + runtime.GOOS)
}

// Mapped gives out lines of a shared mapping of a new file, for Run. It skips the test here.
func Mapped(t *testing.T) func() *wake.Line {
	t.Skip("the test suite cannot map files on " + runtime.GOOS)
	return nil
}

func twice(t *testing.T) (writable, readOnly []byte) {
	t.Skip("the test suite cannot map files on " + runtime.GOOS)
	return nil, nil
}
