//go:build !shmbus_sched

package mem

// Copy copies payload to or from shared memory, as much as fits, and says how much that was. It orders nothing.
func Copy(dst, src []byte) int { return copy(dst, src) }

// Line is how many bytes CopyLine copies: those of a cache line.
const Line = 64
