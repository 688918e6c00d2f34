//go:build amd64 && !race && !shmbus_sched

package mem

import "unsafe"

// CopyShort copies src to dst, which must have room for it. Most often it is 33 to 64 bytes: for these a call would cost more than the copying.
func CopyShort(dst *byte, src []byte) {
	if n := uint(len(src)); n-33 > 64-33 {
		copy(unsafe.Slice(dst, n), src)
		return
	}
	Copy64(dst, src)
}

// Copy64 copies 33 to 64 bytes. It and those for less are no calls, and call nothing: who calls has to keep what is at hand, and that costs more
// than the copying.
func Copy64(dst *byte, src []byte) {
	d, s := (*quads)(unsafe.Pointer(dst)), (*quads)(unsafe.Pointer(unsafe.SliceData(src)))
	d.first = s.first
	d.second = s.second
	n := len(src) - 32
	d, s = (*quads)(unsafe.Add(unsafe.Pointer(d), n)), (*quads)(unsafe.Add(unsafe.Pointer(s), n))
	d.first = s.first
	d.second = s.second
}

// A quad is moved in one piece, two in two.
type (
	quad  [16]byte
	quads struct{ first, second quad }
)

// Copy32 copies 16 to 32 bytes.
func Copy32(dst *byte, src []byte) { copyEnds[quad](dst, src) }

// Copy16 copies 8 to 16 bytes.
func Copy16(dst *byte, src []byte) { copyEnds[uint64](dst, src) }

// Copy8 copies up to 8 bytes.
func Copy8(dst *byte, src []byte) {
	for i, b := range src {
		*(*byte)(unsafe.Add(unsafe.Pointer(dst), i)) = b
	}
}

// copyEnds copies the first bytes and the last ones, a T each, which overlap or lie side by side.
func copyEnds[T any](dst *byte, src []byte) {
	d, s := unsafe.Pointer(dst), unsafe.Pointer(unsafe.SliceData(src))
	n := len(src) - int(unsafe.Sizeof(*(*T)(nil)))
	*(*T)(d) = *(*T)(s)
	*(*T)(unsafe.Add(d, n)) = *(*T)(unsafe.Add(s, n))
}
