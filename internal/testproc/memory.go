package testproc

import (
	"os"
	"testing"
)

// MemoryDir is a new directory, in memory where there is such a place, with a short path. It is removed with the test; where the test's process
// is killed before that, by the next one that asks for a directory.
func MemoryDir(t testing.TB) string {
	t.Helper()
	sweepOnce()
	dir, free, err := newMemoryDir(memoryParent())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		os.RemoveAll(dir)
		free()
	})
	return dir
}
