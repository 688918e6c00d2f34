//go:build !amd64 && !arm64

package mem

// Prefetch does nothing here.
func Prefetch(*Word, *Word, *byte) {}
