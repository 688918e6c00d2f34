// Package fencetest has what tests of those who use package fence have in common.
package fencetest

import (
	"runtime"
	"testing"
	"time"

	"shmbus/internal/fence"
)

// Need skips a test where this process can never be reached by fence.All, saying what is so there, and otherwise waits until it is.
func Need(t testing.TB, elsewhere string) {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skipf("on %s/%s %s", runtime.GOOS, runtime.GOARCH, elsewhere)
	}
	for end := time.Now().Add(5 * time.Second); !fence.Reaches(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Skip("the kernel does not let this process register for membarrier")
		}
	}
}
