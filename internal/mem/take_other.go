//go:build !amd64

package mem

// TakesUnchanged says that TakeUnchanged does nothing; see take_amd64_unsafe.go.
const TakesUnchanged = false

// TakeUnchanged does nothing.
func TakeUnchanged(*Cells, uint64, int) {}

// TakeFirstUnchanged does nothing.
func TakeFirstUnchanged(*Cells, uint64) {}
