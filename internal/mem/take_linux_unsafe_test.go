//go:build linux

package mem

import (
	"encoding/binary"
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestTheLinesOfAllCellsAndNoOthersAreTaken: each cell is a page here, which the kernel brings in when it is taken, and tells of.
func TestTheLinesOfAllCellsAndNoOthersAreTaken(t *testing.T) {
	if !TakesUnchanged {
		t.Skip("this CPU cannot take lines without a store")
	}
	pagemap, err := os.Open("/proc/self/pagemap")
	if err != nil {
		t.Skip("the kernel does not say which pages are there: ", err)
	}
	defer pagemap.Close()
	const cells, size = 8, 4096
	if os.Getpagesize() != size {
		t.Skip("pages are not of 4096 bytes")
	}
	for _, c := range []struct{ i, n uint64 }{{0, 1}, {0, 8}, {3, 2}, {7, 1}, {15, 1}, {4, 4}} {
		all, err := unix.Mmap(-1, 0, 3*cells*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
		if err != nil {
			t.Fatal(err)
		}
		v, err := NewCells(all[cells*size:][:cells*size], 12)
		if err != nil {
			t.Fatal(err)
		}
		TakeUnchanged(&v, c.i, int(c.n)*size/64)
		for page := range uint64(3 * cells) {
			var entry [8]byte
			if _, err := pagemap.ReadAt(entry[:], int64(uintptr(unsafe.Pointer(&all[0]))/size+uintptr(page))*8); err != nil {
				t.Fatal(err)
			}
			cell := page - cells
			is, want := binary.NativeEndian.Uint64(entry[:])>>63 == 1, cell-c.i%cells < c.n
			if is != want {
				t.Errorf("%d cells from %d on: cell %d is taken: %v, want %v", c.n, c.i, int64(cell), is, want)
			}
		}
		if err := unix.Munmap(all); err != nil {
			t.Fatal(err)
		}
	}
}
