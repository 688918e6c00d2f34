//go:build amd64 || arm64

package cpu

// Pause tells the CPU n times (at least once) that this is a spinning loop.
//
//go:noescape
func Pause(n uint32)
