//go:build !amd64 || race || shmbus_sched

package mem

import "unsafe"

// CopyShort copies src to dst, which must have room for it.
func CopyShort(dst *byte, src []byte) { Copy(unsafe.Slice(dst, len(src)), src) }
