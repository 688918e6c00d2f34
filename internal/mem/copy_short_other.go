//go:build !amd64 || race || shmbus_sched

package mem

// CopyShort is copy for slices of one length.
func CopyShort(dst, src []byte) { Copy(dst, src) }
