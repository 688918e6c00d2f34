//go:build !amd64

package mem

// LoadTicks is 0: there is no counter that is as good as the one of amd64.
func LoadTicks(*byte) uint64 { return 0 }
