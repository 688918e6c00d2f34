//go:build !linux

package cpu

// Yield does nothing on this system: no thread is known to wait for the CPU.
func Yield() {}
