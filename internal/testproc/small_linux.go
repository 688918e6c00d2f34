package testproc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// small is the name of a SmallDir within a MemoryDir.
const small = "small"

// SmallDir is a directory on a file system of that many bytes, and a function that fills it up. The test is skipped where none can be mounted.
func SmallDir(t testing.TB, size int) (dir string, fill func()) {
	t.Helper()
	dir = filepath.Join(MemoryDir(t), small) // within it: who sweeps looks for the lock of a directory, which a mount there would hide
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("a small file system cannot be mounted here, which needs root: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir, func() {
		t.Helper()
		f, err := os.Create(filepath.Join(dir, "fill"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for page := make([]byte, os.Getpagesize()); err == nil; {
			_, err = f.Write(page)
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
	}
}
