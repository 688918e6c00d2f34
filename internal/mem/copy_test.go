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
		{"CopyShort", 0, 200, CopyShort},
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
