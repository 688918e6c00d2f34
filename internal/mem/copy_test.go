package mem

import (
	"bytes"
	"testing"
)

// TestShortCopiesCopyWhatTheySay: each for all lengths that it is for, and not a byte more.
func TestShortCopiesCopyWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		name        string
		least, most int
		copy        func(dst *byte, src []byte)
	}{
		{"Copy8", 0, 8, Copy8},
		{"Copy16", 8, 16, Copy16},
		{"Copy32", 16, 32, Copy32},
		{"Copy64", 33, 64, Copy64},
		{"CopyLine", Line, Line, CopyLine},
		{"CopyFresh64", 33, 64, CopyFresh64},
	} {
		for n := c.least; n <= c.most; n++ {
			src, want := make([]byte, n), bytes.Repeat([]byte{0xAA}, n+64)
			for i := range src {
				src[i] = byte(i + 1)
			}
			copy(want[32:], src)
			got := bytes.Repeat([]byte{0xAA}, n+64)
			c.copy(&got[32], src)
			if !bytes.Equal(got, want) {
				t.Errorf("%s of %d bytes: %x", c.name, n, got)
			}
		}
	}
}

// TestFillCopiesWhatIsOfOneLength: frames up to the first of another length, each to a cell of its own, and not a byte more.
func TestFillCopiesWhatIsOfOneLength(t *testing.T) {
	for n := 0; n <= 128; n++ {
		for _, most := range []int{0, 1, 3, 4} {
			b := bytes.Repeat([]byte{0xAA}, 8*128)
			cells, err := NewCells(b, 7)
			if err != nil {
				t.Fatal(err)
			}
			want := bytes.Clone(b)
			ps := make([][]byte, 4)
			for i := range ps {
				ps[i] = bytes.Repeat([]byte{byte(i + 1)}, n)
				if i < most {
					copy(want[(2+i)*128:], ps[i])
				}
			}
			if most < len(ps) {
				ps[most] = make([]byte, n+1)
			}
			if got := Fill(&cells, 10, ps, n); got != most || !bytes.Equal(b, want) {
				t.Errorf("%d frames of %d bytes, of %d: %x", got, n, most, b)
			}
		}
	}
}
