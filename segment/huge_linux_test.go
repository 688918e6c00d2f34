package segment

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"shmbus/internal/mem"
)

// large makes a segment with a region of many huge pages that does not begin with one, and maps it for writing.
func large(t *testing.T) (s *Segment, m *Mapping, off, size int64) {
	t.Helper()
	if hugePage() == 0 || hugePage() > reserveStep/8 {
		t.Skip("this kernel has no huge pages, or very large ones")
	}
	s = create(t, Options{})
	size = 8*hugePage() + 5*4096
	off = must2(s.Grow(size, nil))
	m = must2(s.Map(off, size, size))
	t.Cleanup(func() { m.Close() })
	if off%hugePage() == 0 {
		t.Fatal("the region begins with a huge page")
	}
	return s, m, off, size
}

// inHugePages is how many bytes of a mapping are mapped by huge pages.
func inHugePages(t *testing.T, m *Mapping) (bytes int64) {
	t.Helper()
	inside := false
	for line := range strings.Lines(string(must2(os.ReadFile("/proc/self/smaps")))) {
		var from, to uintptr
		var kB int64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			inside = m.Contains(from)
		} else if n, _ := fmt.Sscanf(line, "ShmemPmdMapped: %d kB", &kB); n == 1 && inside {
			bytes += kB << 10
		}
	}
	return bytes
}

// gathers tells whether the kernel makes huge pages of files in dir when asked to, by asking it for another kind of memory.
func gathers(dir string) bool {
	never, _ := os.ReadFile("/sys/kernel/mm/transparent_hugepage/shmem_enabled")
	if bytes.Contains(never, []byte("[deny]")) || !freeSpace(dir).tmpfs || unlimited() {
		return false
	}
	b := mem.Aligned(int(hugePage()), int(hugePage()))
	b[0] = 1
	return unix.Madvise(b, unix.MADV_COLLAPSE) == nil
}

// taken is how much memory a file has.
func taken(f *file) int64 {
	var st unix.Stat_t
	must(unix.Fstat(f.fd, &st))
	return st.Blocks * 512
}

// ordinary is how much memory a file of that size has when nobody asks for huge pages: more than its size, if it was mounted for them.
func ordinary(s *Segment, size int64) int64 {
	f := must2(createFile(s.path(".ordinary")))
	defer os.Remove(f.path)
	defer f.close()
	must(unix.Fallocate(f.fd, 0, 0, size))
	return taken(f)
}

func TestALargeRegionHasHugePagesAndNoMoreMemoryThanItAskedFor(t *testing.T) {
	s, m, off, size := large(t)
	if got, want := taken(s.seg), ordinary(s, off+size); got != want {
		t.Errorf("the file has %d bytes of memory, want %d", got, want)
	}
	if !bytes.Equal(m.Bytes(), make([]byte, size)) {
		t.Error("a new region is not all zeros")
	}
	reader := must2(open(t, s.Dir(), "a", ReadOnly).Map(off, size, 0))
	defer reader.Close()
	part := must2(s.Map(off, size, 3*4096))
	defer part.Close()
	m.Bytes()[size/2] = 7
	if reader.Bytes()[size/2] != 7 || part.Bytes()[size/2] != 7 {
		t.Error("another mapping does not show what was stored")
	}
	if !gathers(s.Dir()) {
		t.Skip("this kernel makes no huge pages when asked")
	}
	for name, m := range map[string]*Mapping{"writer": m, "reader": reader, "writer of a part": part} {
		if got := inHugePages(t, m); got == 0 {
			t.Errorf("%s: none of %d bytes is mapped by huge pages", name, size)
		}
	}
}

func TestALargeRegionIsGivenBackToTheLastPage(t *testing.T) {
	s, m, off, size := large(t)
	const kept = 3 * 4096
	for i := range m.Bytes() {
		m.Bytes()[i] = 7
	}
	must(m.Close())
	must(s.Punch(off+kept, size-kept))
	if got := taken(s.seg); got != off+kept {
		t.Errorf("the file has %d bytes of memory, want %d", got, off+kept)
	}
	again := must2(s.Map(off, kept, 0))
	defer again.Close()
	if !bytes.Equal(again.Bytes(), bytes.Repeat([]byte{7}, kept)) {
		t.Error("what was not given back has changed")
	}
}

func TestALargeRegionThatIsCutShortIsAnError(t *testing.T) {
	s, m, off, size := large(t)
	must(s.seg.truncate(off + size/2))
	err := Guard(func() error { poke(m.Bytes(), int(size/2+4096)); return nil })
	if !errors.Is(err, ErrTruncated) {
		t.Errorf("a store behind the end: %v", err)
	}
	must(Guard(func() error { poke(m.Bytes(), int(size/2-4096)); return nil }))
}

func TestWithoutHugePagesALargeRegionIsTheSame(t *testing.T) {
	for name, refusal := range map[string]error{"old kernel": unix.EINVAL, "no memory in one piece": unix.ENOMEM} {
		t.Run(name, func(t *testing.T) {
			defer func(f func([]byte, int) error) { madvise = f }(madvise)
			asked := 0
			madvise = func(b []byte, advice int) error {
				if advice == unix.MADV_COLLAPSE {
					asked++
					return refusal
				}
				return unix.Madvise(b, advice)
			}
			s, m, off, size := large(t)
			if !unlimited() && asked != 1 {
				t.Errorf("asked %d times for huge pages, want once", asked)
			}
			if got, want := taken(s.seg), ordinary(s, off+size); got != want {
				t.Errorf("the file has %d bytes of memory, want %d", got, want)
			}
			if !bytes.Equal(m.Bytes(), make([]byte, size)) {
				t.Error("a new region is not all zeros")
			}
		})
	}
}

func TestALargeRegionOnAFullFileSystemLeavesTheSegmentAsItWas(t *testing.T) {
	if hugePage() == 0 || unlimited() {
		t.Skip("nothing would be asked for huge pages")
	}
	dir := smallTmpfs(t, 16<<20)
	s := must2(Create(dir, "a", Options{}))
	defer s.Close()
	before, had := must2(s.Size()), taken(s.seg)
	defer func(f func([]byte, int) error) { madvise = f }(madvise)
	madvise = func(b []byte, advice int) error { // meanwhile somebody else takes what is left
		f := must2(createFile(s.path(".other")))
		defer f.close()
		must(unix.Fallocate(f.fd, 0, 0, 12<<20))
		return unix.Madvise(b, advice)
	}
	_, err := s.Grow(12<<20, nil)
	checkNoSpace(t, err, dir, "")
	if must2(s.Size()) != before || taken(s.seg) != had {
		t.Errorf("the file had %d bytes, %d of memory, has %d and %d", before, had, must2(s.Size()), taken(s.seg))
	}
}
