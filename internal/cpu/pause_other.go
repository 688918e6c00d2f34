//go:build !amd64 && !arm64

package cpu

// Pause passes a moment.
//
//go:noinline
func Pause(n uint32) {
	for range 8 * n {
	}
}
