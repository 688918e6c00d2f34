//go:build amd64 && !race && !shmbus_sched

package mem

import "unsafe"

// CopyShort copies src to dst, which must have room for it. Most often it is 33 to 64 bytes: for these a call would cost more than the copying.
func CopyShort(dst *byte, src []byte) {
	n := uint(len(src))
	if n-33 > 64-33 {
		copy(unsafe.Slice(dst, n), src)
		return
	}
	d, s := unsafe.Pointer(dst), unsafe.Pointer(unsafe.SliceData(src))
	*(*quad)(d) = *(*quad)(s)
	*(*quad)(unsafe.Add(d, 16)) = *(*quad)(unsafe.Add(s, 16))
	d, s = unsafe.Add(d, n-32), unsafe.Add(s, n-32)
	*(*quad)(d) = *(*quad)(s)
	*(*quad)(unsafe.Add(d, 16)) = *(*quad)(unsafe.Add(s, 16))
}

// A quad is moved in one piece.
type quad [16]byte
