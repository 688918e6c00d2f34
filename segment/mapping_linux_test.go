package segment

import (
	"bytes"
	"errors"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"shmbus/internal/mem"
)

func says(err error, s string) bool { return strings.Contains(err.Error(), s) }

// region makes a segment with a region of that many pages.
func region(t *testing.T, pages int64) (s *Segment, off int64) {
	t.Helper()
	s = create(t, Options{})
	off, err := s.Grow(pages*4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, off
}

//go:noinline
func poke(b []byte, i int) { b[i] = 1 }

// faults tells whether a store faults, and where.
func faults(b []byte, i int) (at uintptr, faulted bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			at, faulted = r.(interface{ Addr() uintptr }).Addr(), true
		}
	}()
	poke(b, i)
	return 0, false
}

func TestOnlyTheWritablePartOfAMappingCanBeWritten(t *testing.T) {
	s, off := region(t, 4)
	for writable := range int64(5) {
		m, err := s.Map(off, 4*4096, writable*4096)
		if err != nil {
			t.Fatal(err)
		}
		for page := range int64(4) {
			at, faulted := faults(m.Bytes(), int(page*4096))
			if faulted != (page >= writable) {
				t.Errorf("%d writable pages: a store to page %d faults: %v", writable, page, faulted)
			}
			if faulted && !m.Contains(at) {
				t.Errorf("%#x is not in the mapping", at)
			}
		}
		if m.Contains(0) || m.Contains(math.MaxUint64) {
			t.Error("a mapping has every address")
		}
		if err := errors.Join(m.Protect(4096, 4096, writable <= 1)); err != nil {
			t.Fatal(err)
		}
		if _, faulted := faults(m.Bytes(), 4096); faulted != (writable > 1) {
			t.Errorf("%d writable pages: after Protect a store faults: %v", writable, faulted)
		}
		if err := errors.Join(m.Close(), m.Close()); err != nil || m.Bytes() != nil {
			t.Errorf("closed: %v", err)
		}
	}
}

func TestMapRefusesWhatIsNotARegion(t *testing.T) {
	s, off := region(t, 4)
	for _, c := range []struct{ off, size, writable int64 }{
		{0, 4096, 0},
		{off - 4096, 4096, 0},
		{-4096, 4096, 0},
		{off + 1, 4096, 0},
		{off, 4095, 0},
		{off, 0, 0},
		{off, -4096, 0},
		{off, 5 * 4096, 0},
		{off + 4*4096, 4096, 0},
		{off, math.MaxInt64 &^ 4095, 0},
		{math.MaxInt64 &^ 4095, 4096, 0},
		{off, 4096, 1},
		{off, 4096, 8192},
		{off, 4096, -4096},
	} {
		if _, err := s.Map(c.off, c.size, c.writable); !errors.Is(err, ErrRange) {
			t.Errorf("%v: %v", c, err)
		}
		if c.writable == 0 {
			if err := s.Punch(c.off, c.size); !errors.Is(err, ErrRange) {
				t.Errorf("punching %v: %v", c, err)
			}
		}
	}
	m, err := s.Map(off, 4*4096, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, c := range []struct{ off, size int64 }{{-4096, 4096}, {0, 5 * 4096}, {4096, math.MaxInt64 &^ 4095}, {1, 4096}, {0, 1}, {0, 0}} {
		if err := m.Protect(c.off, c.size, true); !errors.Is(err, ErrRange) {
			t.Errorf("protecting %v: %v", c, err)
		}
	}
}

func TestMappingsOfOneRegionAreTheSameMemory(t *testing.T) {
	s, off := region(t, 2)
	r := open(t, s.Dir(), "a", ReadOnly)
	w, err := s.Map(off, 2*4096, 2*4096)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	x, err := r.Map(off, 2*4096, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	w.Bytes()[5000] = 42
	if x.Bytes()[5000] != 42 {
		t.Error("another mapping does not show what was stored")
	}
	s.Table()[7], s.Bells()[8], s.TableBell()[9] = 1, 2, 3
	if r.Table()[7] != 1 || r.Bells()[8] != 2 || r.TableBell()[9] != 3 {
		t.Error("the tables are not the same memory")
	}
	if err := errors.Join(s.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	if s.Table() != nil || s.Bells() != nil || s.TableBell() != nil {
		t.Error("a closed segment has memory")
	}
	w.Bytes()[0] = 1 // mappings outlive the segment
	if x.Bytes()[0] != 1 {
		t.Error("mappings are cut off from each other")
	}
}

func TestRevokeUnderWritersFaultsNobodyAndLeavesTheFileAlone(t *testing.T) {
	const pages = 16
	for range 5 {
		s, off := region(t, pages)
		m, err := s.Map(off, pages*4096, (pages-1)*4096)
		if err != nil {
			t.Fatal(err)
		}
		words := must2(mem.View[mem.Word](m.Bytes(), 0, (pages-1)*512))
		last := must2(mem.View[mem.Word](m.Bytes(), (pages-1)*4096, 1)) // read-only until then
		var wg sync.WaitGroup
		var stop atomic.Bool
		var stores [2]atomic.Int64
		for w := range stores {
			wg.Go(func() {
				for n := uint64(1); !stop.Load(); n++ {
					words[n%uint64(len(words))].Store(n)
					_ = last[0].Load()
					stores[w].Store(int64(n))
				}
			})
		}
		wait := func(more int64) { // until each writer has stored that often again
			for w := range stores {
				for from := stores[w].Load(); stores[w].Load() < from+more; {
					runtime.Gosched()
				}
			}
		}
		wait(1000)
		if err := m.Revoke(); err != nil {
			t.Fatal(err)
		}
		file := make([]byte, pages*4096)
		if _, err := s.seg.readAt(file, off); err != nil {
			t.Fatal(err)
		}
		wait(1000)
		stop.Store(true)
		wg.Wait()
		after := make([]byte, pages*4096)
		if _, err := s.seg.readAt(after, off); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(file, after) || bytes.Equal(file, make([]byte, len(file))) {
			t.Error("stores after Revoke have reached the file, or those before have not")
		}
		if err := m.Protect(0, 4096, false); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Protect after Revoke: %v", err)
		}
		if err := errors.Join(m.Revoke(), m.Close(), m.Revoke(), m.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestAMappingWithoutAFileBehindItIsAnErrorAndNotAFault(t *testing.T) {
	s, off := region(t, 2)
	if err := unix.Madvise(mem.Aligned(4096, 4096), 1<<20); err == nil {
		t.Skip("madvise takes advice that does not exist (qemu-user does), so populating tells nothing")
	}
	for _, writable := range []int64{0, 4096, 4 * 4096} {
		if _, err := mapShared(s.seg, off, 4*4096, writable, true); !errors.Is(err, ErrTruncated) {
			t.Errorf("%d writable bytes: %v", writable, err)
		}
	}
}

func TestKernelsWithoutAdviceToPopulateMapTheSame(t *testing.T) {
	s, off := region(t, 4)
	defer func(f func([]byte, int) error) { madvise = f }(madvise)
	madvise = func([]byte, int) error { return unix.EINVAL }
	TestOnlyTheWritablePartOfAMappingCanBeWritten(t)
	w, err := s.Map(off, 4*4096, 2*4096)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r, err := s.MapLazy(off, 4*4096, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w.Bytes()[4096] = 9
	if r.Bytes()[4096] != 9 {
		t.Error("another mapping does not show what was stored")
	}
	if _, faulted := faults(r.Bytes(), 0); !faulted {
		t.Error("a lazy mapping can be written")
	}
}

// TestAFaultWhereThereIsSpaceIsOfAFileThatWasCutShort, though it has been made long again since.
func TestAFaultWhereThereIsSpaceIsOfAFileThatWasCutShort(t *testing.T) {
	s := create(t, Options{})
	if sp := freeSpace(s.Dir()); sp.known && sp.free < muchSpace {
		t.Skip("there is no space here")
	}
	err := faultAt(-offsetIn(s.bells, 0)) // at its first byte
	if !errors.Is(err, ErrTruncated) || errors.Is(err, ErrNoSpace) || !says(err, "a.bell") || !says(err, "cut short") || !says(err, "long again") {
		t.Errorf("error is %v", err)
	}
}
