//go:build !linux

package cpu

import (
	"errors"
	"runtime"
)

// Pin is not there yet on this platform.
func Pin(int) error {
	return errors.New("pinning a thread to a CPU is not there yet on " + runtime.GOOS)
}
