//go:build !shmbus_sched

package mem

// Copy copies payload to or from shared memory, as much as fits, and says how much that was. It orders nothing.
func Copy(dst, src []byte) int { return copy(dst, src) }
