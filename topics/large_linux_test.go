package topics

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// A frame's length has 32 bits in its descriptor: what is longer must be refused also where half the ring has room for it, and not come out as
// the frame that its low bits say. The ring is address space only; nothing touches more than its lines and a few stamps.
func TestAFrameOfFourGiBIsTooLarge(t *testing.T) {
	g, err := Geometry{Slots: 1 << 18, CellSize: MaxCellSize}.Normal()
	if err != nil {
		t.Fatal(err)
	}
	region, err := unix.Mmap(-1, 0, int(g.Areas(testPage).Size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		t.Skip("no address space: ", err)
	}
	defer func() { _ = unix.Munmap(region) }()
	if err := Format(region, g, testPage, 1); err != nil {
		t.Fatal(err)
	}
	r, err := OpenRing(region)
	if err != nil {
		t.Fatal(err)
	}
	w := mustWriter(t, r, 1)
	most := r.Geometry().MaxFrame()
	if err := w.Claim(most); err != nil {
		t.Fatalf("the largest frame: %v", err)
	}
	w.Abort()
	if err := w.Claim(most + 1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a byte more: %v, want ErrTooLarge", err)
		w.Abort()
	}
	large := region[:most+1] // never looked at
	if _, err := w.Batch([][]byte{large}, KindRaw, 0); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a byte more, in a batch: %v, want ErrTooLarge", err)
	}
	if n, err := w.Batch([][]byte{[]byte("small"), large}, KindRaw, 0); n != 1 || err != nil {
		t.Errorf("behind another: %d frames, %v; want the first only", n, err)
	}
}

// What can be made can be opened: the largest ring there may be, and a larger one is refused before it is made.
func TestTheLargestRing(t *testing.T) {
	largest := Geometry{Slots: MaxRing / MaxCellSize, CellSize: MaxCellSize}
	g, err := largest.Normal()
	if err != nil {
		t.Fatal(err)
	}
	larger := g
	larger.Slots++
	if _, err := larger.Normal(); err == nil {
		t.Errorf("%+v is not refused", larger)
	}
	region, err := unix.Mmap(-1, 0, int(g.Areas(testPage).Size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		t.Skip("no address space: ", err)
	}
	defer func() { _ = unix.Munmap(region) }()
	if err := Format(region, g, testPage, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRing(region); err != nil {
		t.Error(err)
	}
}
