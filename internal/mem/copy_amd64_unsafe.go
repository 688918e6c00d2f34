//go:build amd64 && !race && !shmbus_sched

package mem

import "unsafe"

// CopyShort is copy for slices of one length, which for most is 33 to 64 bytes: for these a call would cost more than the copying.
func CopyShort(dst, src []byte) {
	n := uint(len(src))
	if n-33 > 64-33 || n != uint(len(dst)) {
		copy(dst, src)
		return
	}
	d, s := unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0])
	*(*quad)(d) = *(*quad)(s)
	*(*quad)(unsafe.Add(d, 16)) = *(*quad)(unsafe.Add(s, 16))
	*(*quad)(unsafe.Add(d, n-32)) = *(*quad)(unsafe.Add(s, n-32))
	*(*quad)(unsafe.Add(d, n-16)) = *(*quad)(unsafe.Add(s, n-16))
}

// A quad is moved in one piece.
type quad [16]byte
