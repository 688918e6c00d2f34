//go:build linux

package bench

import "unsafe"

// lineOf is the first line of b, which must be aligned as frames are.
func lineOf(b []byte) *words {
	_ = b[63]
	return (*words)(unsafe.Pointer(&b[0]))
}
