//go:build amd64 || arm64

package wake

// pause tells the CPU n times (at least once) that this is a spinning loop.
//
//go:noescape
func pause(n uint32)
