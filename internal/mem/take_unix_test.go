//go:build unix

package mem

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// mapTwice maps a file of n bytes two times.
func mapTwice(t *testing.T, n int) (a, b []byte) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "twice"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(int64(n)); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*[]byte{&a, &b} {
		if *v, err = unix.Mmap(int(f.Fd()), 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
			t.Fatal(err)
		}
		m := *v
		t.Cleanup(func() { _ = unix.Munmap(m) })
	}
	return a, b
}

// TestTakingLinesUnchangedLosesNoStore: one thread stores to lines again and again and looks whether it is what it stored, while another one takes them, through another mapping.
func TestTakingLinesUnchangedLosesNoStore(t *testing.T) {
	if !TakesUnchanged {
		t.Skip("this CPU cannot take lines without a store")
	}
	const cells, size, rounds = 128, 64, 3000 // two pages: each has a first line, which is taken otherwise
	a, b := mapTwice(t, cells*size)
	theirs, err := NewCells(b, 6)
	if err != nil {
		t.Fatal(err)
	}
	words, err := View[[8]Word](a, 0, cells)
	if err != nil {
		t.Fatal(err)
	}
	var done Word
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := uint64(0); done.Load() == 0; i++ {
			n := i%cells + 1
			TakeUnchanged(&theirs, (i*7)%(cells-n+1), int(n))
			if i%64 == 0 {
				runtime.Gosched()
			}
		}
	})
	defer wg.Wait()
	defer done.Store(1)
	for r := uint64(1); r <= rounds; r++ {
		for i := range words {
			for j := range words[i] {
				words[i][j].StoreRelease(r)
			}
		}
		for i := range words {
			for j := range words[i] {
				if got := words[i][j].Load(); got != r {
					t.Fatalf("line %d, word %d: %d was stored and %d is there", i, j, r, got)
				}
			}
		}
	}
}

func TestTakingLinesUnchangedChangesNothing(t *testing.T) {
	if !TakesUnchanged {
		t.Skip("this CPU cannot take lines without a store")
	}
	for _, shift := range []uint{6, 7, 8, 12} {
		a, b := mapTwice(t, 4<<12)
		for i := range a {
			a[i] = byte(i*7 + i>>8 | 1)
		}
		was := slices.Clone(a)
		c, err := NewCells(b, shift)
		if err != nil {
			t.Fatal(err)
		}
		last := uint64(len(b)>>shift) - 1
		lines := 1 << (shift - 6)
		TakeUnchanged(&c, 0, int(last+1)*lines)
		TakeUnchanged(&c, last, lines)
		TakeUnchanged(&c, 2*last+1, lines) // the last one, too
		TakeFirstUnchanged(&c, 2*last+1)
		if !slices.Equal(a, was) {
			t.Errorf("cells of %d bytes have changed", 1<<shift)
		}
	}
}
