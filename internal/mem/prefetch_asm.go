//go:build amd64 || arm64

package mem

// Prefetch asks for the cache lines of v, w and p, which are about to be stored to, and does not wait for them.
//
//go:noescape
func Prefetch(v, w *Word, p *byte)
