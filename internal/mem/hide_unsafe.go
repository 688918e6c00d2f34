package mem

import "unsafe"

// Hide is b, and the compiler does not see that: who passes it on to a function that the compiler does not know, and that keeps nothing of it, does
// not make callers allocate it. Its capacity is its length. No stack grows, and so none moves, between the two moments below.
func Hide(b []byte) []byte {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&first)), len(b))
}
