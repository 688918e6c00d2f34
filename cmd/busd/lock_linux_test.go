package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"shmbus/internal/testproc"
)

func TestALockIsTakenWhereTheFileSystemIsFull(t *testing.T) {
	dir, fill := testproc.SmallDir(t, 64<<10)
	before := filepath.Join(dir, "before")
	if err := os.WriteFile(before, []byte("pid of an earlier busd\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fill()
	for path, want := range map[string]string{before: fmt.Sprintln(os.Getpid()), filepath.Join(dir, "new"): ""} {
		l, err := lock(t.Context(), path, "here")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if got, err := os.ReadFile(path); string(got) != want || err != nil {
			t.Errorf("%s says %q, want %q: %v", path, got, want, err)
		}
	}
}
