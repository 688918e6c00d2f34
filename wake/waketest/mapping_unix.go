//go:build unix

package waketest

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"shmbus/internal/mem"
	"shmbus/wake"
)

const fileSize = 1 << 16

// mapFile maps a file of fileSize bytes, which it makes if need be, for reading and perhaps for writing.
func mapFile(path string, writable bool) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Truncate(fileSize); err != nil {
		return nil, err
	}
	prot := syscall.PROT_READ
	if writable {
		prot |= syscall.PROT_WRITE
	}
	return syscall.Mmap(int(f.Fd()), 0, fileSize, prot, syscall.MAP_SHARED)
}

// Mapped gives out lines of a shared mapping of a new file, for Run. The mapping lives as long as t.
func Mapped(t *testing.T) func() *wake.Line {
	b, err := mapFile(filepath.Join(t.TempDir(), "bells"), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(b) })
	lines, err := mem.View[wake.Line](b, 0, len(b)/64)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	return func() *wake.Line {
		mu.Lock()
		defer mu.Unlock()
		if len(lines) == 0 {
			t.Fatal("the mapping has no lines left")
		}
		line := &lines[0]
		lines = lines[1:]
		return line
	}
}

// twice maps one file for writing and for reading only.
func twice(t *testing.T) (writable, readOnly []byte) {
	path := filepath.Join(t.TempDir(), "bells")
	var maps [2][]byte
	for i, write := range []bool{true, false} {
		b, err := mapFile(path, write)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Munmap(b) })
		maps[i] = b
	}
	return maps[0], maps[1]
}

// MapLines maps the file of bells at path; unmap takes the memory away.
func MapLines(t *testing.T, path string) (lines []wake.Line, unmap func()) {
	t.Helper()
	b, err := mapFile(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if lines, err = mem.View[wake.Line](b, 0, len(b)/64); err != nil {
		t.Fatal(err)
	}
	return lines, func() {
		if err := syscall.Munmap(b); err != nil {
			t.Error(err)
		}
	}
}
