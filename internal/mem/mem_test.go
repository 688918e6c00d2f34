package mem

import (
	"runtime"
	"sync"
	"testing"
)

func TestAViewLiesWithinItsBytes(t *testing.T) {
	b := Aligned(64, 64)
	for _, c := range []struct {
		off, count int
		ok         bool
	}{
		{0, 8, true},
		{0, 9, false},
		{56, 1, true},
		{56, 2, false},
		{64, 1, false},
		{65, 1, false},
		{-8, 1, false},
		{0, 0, false},
		{0, -1, false},
		{8, 1 << 62, false},
		{1 << 62, 1, false},
		{-1 << 63, 1, false},
		{4, 1, false},
		{57, 1, false},
	} {
		v, err := View[Word](b, c.off, c.count)
		if (err == nil) != c.ok || c.ok && len(v) != c.count {
			t.Errorf("%d words at %d: %d words, %v", c.count, c.off, len(v), err)
		}
	}
	if _, err := View[Word](nil, 0, 1); err == nil {
		t.Error("a view of nothing")
	}
	if _, err := View[struct{}](b, 0, 1); err == nil {
		t.Error("a view of values without size")
	}
	if _, err := View[Word](b[4:], 0, 1); err == nil {
		t.Error("a view that is not aligned")
	}
}

func TestAViewAliasesItsBytes(t *testing.T) {
	b := Aligned(16, 8)
	v, err := View[Word](b, 8, 1)
	if err != nil {
		t.Fatal(err)
	}
	v[0].Store(0x0101010101010101)
	if b[7] != 0 || b[8] != 1 || b[15] != 1 {
		t.Errorf("the bytes are % x", b)
	}
	b[8] = 2
	if v[0].Load()&0xff != 2 && v[0].Load()>>56 != 2 {
		t.Errorf("the word is %#x", v[0].Load())
	}
}

func TestAlignedMemoryIsAlignedAndZero(t *testing.T) {
	for _, align := range []int{8, 64, 4096, 65536} {
		b := Aligned(100, align)
		if len(b) != 100 || cap(b) != 100 {
			t.Errorf("%d bytes of %d", len(b), cap(b))
		}
		if _, err := View[Word](b, 0, 12); err != nil {
			t.Error(err)
		}
		for _, x := range b {
			if x != 0 {
				t.Fatal("not zero")
			}
		}
	}
}

func TestCellsGoRoundAndLieSideBySide(t *testing.T) {
	b := Aligned(64, 8)
	cells, err := NewCells(b, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(8) {
		want := &b[i%4*16]
		if c := cells.At(i); c.First() != want || cells.First(i) != want {
			t.Errorf("cell %d begins elsewhere", i)
		}
	}
	cell := cells.At(4)
	for i := range 4 {
		if i > 0 {
			cell = cell.After()
		}
		p := cell.Bytes(3)
		if &p[0] != &b[i*16] || len(p) != 3 || cap(p) != 3 {
			t.Errorf("cell %d: %d bytes of %d", i, len(p), cap(p))
		}
	}
	for n, fits := range map[int]bool{0: true, 16: true, 17: false, -1: false, 1 << 32: false} {
		func() {
			defer func() {
				if e := recover(); (e == nil) != fits || cell.Fits(n) != fits {
					t.Errorf("%d bytes of a cell of 16: fits: %v, %v", n, cell.Fits(n), e)
				}
			}()
			if len(cell.Bytes(n)) != n {
				t.Errorf("not %d bytes", n)
			}
		}()
	}
	for _, n := range []int{0, 8, 48, 65} {
		if _, err := NewCells(make([]byte, n), 4); err == nil {
			t.Errorf("%d bytes in cells of 16", n)
		}
	}
}

func TestACircleGoesRound(t *testing.T) {
	v := make([]uint64, 4)
	c, err := NewCircle(v)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(8) {
		if c.At(i) != &v[i%4] {
			t.Errorf("value %d lies elsewhere", i)
		}
		if i%4 < 3 && c.After(c.At(i)) != &v[i%4+1] {
			t.Errorf("what is behind value %d lies elsewhere", i)
		}
	}
	if c.Len() != 4 {
		t.Errorf("%d values, want 4", c.Len())
	}
	for _, n := range []int{0, 3} {
		if _, err := NewCircle(v[:n]); err == nil {
			t.Errorf("a circle of %d", n)
		}
	}
}

func TestWordsDoWhatTheySay(t *testing.T) {
	var w Word
	w.Store(5)
	w.StoreRelease(w.Load() + 1)
	if w.CompareAndSwap(5, 9) || !w.CompareAndSwap(6, 9) || w.Add(3) != 12 || w.Load() != 12 {
		t.Errorf("the word is %d", w.Load())
	}
	var h Word32
	h.Store(1)
	if h.CompareAndSwap(2, 3) || !h.CompareAndSwap(1, 3) || *h.Addr() != 3 || h.Load() != 3 {
		t.Errorf("the half word is %d", h.Load())
	}
	var p Plain
	p.Set(1<<64 - 1)
	if p.Get() != 1<<64-1 {
		t.Errorf("the plain word is %#x", p.Get())
	}
}

// TestAReleaseStorePublishesPlainWords: whoever sees the stored word sees what was set before it.
func TestAReleaseStorePublishesPlainWords(t *testing.T) {
	var flag, back Word
	var data [4]Plain
	const rounds = 20000
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := uint64(1); i <= rounds; i++ {
			for back.Load() != i-1 {
				runtime.Gosched()
			}
			for j := range data {
				data[j].Set(i)
			}
			flag.StoreRelease(i)
		}
	})
	var fence Fence
	for i := uint64(1); i <= rounds; i++ {
		for flag.Load() != i {
			runtime.Gosched()
		}
		for j := range data {
			if got := data[j].Get(); got != i {
				t.Fatalf("round %d: word %d is %d", i, j, got)
			}
		}
		fence.LoadLoad()
		back.StoreRelease(i)
	}
	wg.Wait()
}
