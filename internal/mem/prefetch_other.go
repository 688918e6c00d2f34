//go:build !amd64 && !arm64

package mem

// PrefetchWord does nothing here.
func PrefetchWord(*Word) {}

// PrefetchByte does nothing here.
func PrefetchByte(*byte) {}
