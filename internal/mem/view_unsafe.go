package mem

import (
	"fmt"
	"unsafe"
)

// View is the count values of type T that lie in b from off on. T must consist of Words, Plains and padding only. It is an
// error if they do not lie wholly within b or are not aligned to 8 bytes. The values alias b and are valid as long as b is.
func View[T any](b []byte, off, count int) ([]T, error) {
	var z T
	size := int(unsafe.Sizeof(z))
	if off < 0 || count < 1 || size == 0 || off > len(b) || count > (len(b)-off)/size {
		return nil, fmt.Errorf("%d values of %d bytes at offset %d do not fit in %d bytes", count, size, off, len(b))
	}
	p := unsafe.Pointer(&b[off:][:count*size][0])
	if uintptr(p)&7 != 0 {
		return nil, fmt.Errorf("offset %d is not aligned to 8 bytes", off)
	}
	return unsafe.Slice((*T)(p), count), nil
}

// Aligned is size zeroed bytes of heap memory whose first byte lies on a multiple of align, a power of two. It stands in for a
// mapping where a test wants the race detector to see every access.
func Aligned(size, align int) []byte {
	b := make([]byte, size+align)
	skip := int(-uintptr(unsafe.Pointer(&b[0])) & uintptr(align-1))
	return b[skip:][:size:size]
}
