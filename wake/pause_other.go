//go:build !amd64 && !arm64

package wake

// pause passes a moment.
//
//go:noinline
func pause(n uint32) {
	for range 8 * n {
	}
}
