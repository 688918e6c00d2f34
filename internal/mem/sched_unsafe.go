//go:build shmbus_sched

package mem

import "unsafe"

// addr is the address of a word, for Hook to compare.
func addr[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// Address is the address of a word, for Hook's owner to compare.
func Address(w *Word) uintptr { return addr(w) }

// Place is the address of the first byte of b, for Hook to compare.
func Place(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// Copy copies payload word by word, so that each word can be scheduled by itself.
//
//go:noinline
func Copy(dst, src []byte) int {
	n := min(len(dst), len(src))
	if Hook == nil || n%8 != 0 {
		return copy(dst, src)
	}
	for i := 0; i < n; i += 8 {
		d, s := (*uint64)(unsafe.Pointer(&dst[i:][:8][0])), (*uint64)(unsafe.Pointer(&src[i:][:8][0]))
		v, done := Hook(OpGet, addr(s), 0, 0)
		if !done {
			v = *s
		}
		if _, done = Hook(OpSet, addr(d), 0, v); !done {
			*d = v
		}
	}
	return n
}

// Read copies what src has, which consists of Plains only, one by one.
//
//go:noinline
func Read[T any](dst, src *T) {
	for off := uintptr(0); off < unsafe.Sizeof(*src); off += unsafe.Sizeof(Plain{}) {
		v := (*Plain)(unsafe.Add(unsafe.Pointer(src), off)).Get()
		(*Plain)(unsafe.Add(unsafe.Pointer(dst), off)).v = v
	}
}
