package testproc

import (
	"testing"

	"shmbus/internal/tempdir"
)

// MemoryDir is a new directory, in memory where there is such a place, with a short path. It is removed with the test; where the test's process
// is killed before that, by the next one that asks for a directory.
func MemoryDir(t testing.TB) string {
	t.Helper()
	d, err := tempdir.New(tempdir.Memory(), "shmbus-tmp-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Remove() })
	return d.Path
}
