//go:build unix

package bus_test

import (
	"syscall"
	"testing"
)

// blocks is how many bytes of memory or disk a file takes.
func blocks(t testing.TB, path string) uint64 {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return uint64(st.Blocks) * 512
}
