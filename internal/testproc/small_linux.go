package testproc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// SmallDir is a directory on a file system of that many bytes, and a function that fills it up. The file system is mounted nowhere: it is reached through a
// descriptor of this process, and goes with it, however it ends. The test is skipped where none can be made.
func SmallDir(t testing.TB, size int) (dir string, fill func()) {
	t.Helper()
	fd, err := tmpfs(size)
	if err != nil {
		t.Skipf("a small file system cannot be made here, which needs root: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	dir = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd)
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

// tmpfs makes a tmpfs, and returns a descriptor of it.
func tmpfs(size int) (int, error) {
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fs)
	if err := unix.FsconfigSetString(fs, "size", strconv.Itoa(size)); err != nil {
		return -1, err
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
}
