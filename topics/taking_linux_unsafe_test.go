//go:build linux

package topics

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"shmbus/internal/mem"
)

// TestTheLinesOfWhatIsWorthItAreTaken: the memory through which lines are taken is one that nobody has touched before. The kernel brings in a page of it when its first line is taken.
func TestTheLinesOfWhatIsWorthItAreTaken(t *testing.T) {
	if !ownsLate || !mem.TakesUnchanged {
		t.Skip("on this CPU a reader takes no lines")
	}
	const page = 4096
	if os.Getpagesize() != page {
		t.Skip("pages are not of 4096 bytes")
	}
	for _, c := range []struct {
		name   string
		cell   int
		frames []int // bytes
		far    bool
		want   []int // pages of cells that are taken when all have been read; cells have a page, or are smaller and frames take whole pages
	}{
		{"small ones", page, []int{1, 64, 256}, false, []int{0, 1, 2}},
		{"an empty one and small ones", page, []int{0, 64, 256}, false, []int{1, 2}},
		{"large ones", page, []int{257, 1024, page}, false, nil},
		{"large ones from far away", page, []int{257, 1024, page}, true, []int{0, 1, 2}},
		{"small and large ones", page, []int{100, 1024, 100, page, 200}, false, []int{0, 2, 4}},
		{"one of several slots", 64, []int{page, 2*page - 63}, false, nil},
		{"one of several slots from far away", 64, []int{page, 2*page - 63}, true, []int{0, 1, 2}},
		{"of several slots each with more than a page", page, []int{page + 1, 3 * page}, true, []int{0, 1, 2, 3, 4}},
		{"a line less than its last page", page, []int{page, page + 1}, true, []int{0, 1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := heapRing(t, Geometry{Slots: 32 * page / c.cell, CellSize: c.cell, Policy: PolicyLossless})
			w, rd := mustWriter(t, r, 1), mustReader(t, r, Gate, Newest(), 1)
			b, err := unix.Mmap(-1, 0, int(r.areas.Size-r.areas.Stamps), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = unix.Munmap(b) }()
			if err := rd.TakeThrough(b); err != nil {
				t.Fatal(err)
			}
			rd.taking.from.is = c.far
			for _, n := range c.frames {
				mustSend(t, w, string(make([]byte, n)))
			}
			fs := make([]*Frame, len(c.frames)+1)
			for i := range fs {
				fs[i] = new(Frame)
			}
			read := 0
			for {
				n, err := rd.BorrowMany(fs, 1) // that there is none is what makes it take what it owes
				if read += n; err != nil {
					wantErr(t, err, ErrEmpty)
					break
				}
			}
			if read != len(c.frames) {
				t.Fatalf("read %d frames, want %d", read, len(c.frames))
			}
			if got := pagesIn(t, b[r.areas.Cells-r.areas.Stamps:]); !slices.Equal(got, c.want) {
				t.Errorf("pages of cells that were touched: %v, want %v", got, c.want)
			}
		})
	}
}

// pagesIn says which pages of b the kernel has brought in.
func pagesIn(t *testing.T, b []byte) (in []int) {
	t.Helper()
	pagemap, err := os.Open("/proc/self/pagemap")
	if err != nil {
		t.Skip("the kernel does not say which pages are there: ", err)
	}
	defer pagemap.Close()
	page := os.Getpagesize()
	for i := range len(b) / page {
		var entry [8]byte
		if _, err := pagemap.ReadAt(entry[:], int64(uintptr(unsafe.Pointer(&b[0]))/uintptr(page)+uintptr(i))*8); err != nil {
			t.Fatal(err)
		}
		if binary.NativeEndian.Uint64(entry[:])>>63 == 1 {
			in = append(in, i)
		}
	}
	return in
}
