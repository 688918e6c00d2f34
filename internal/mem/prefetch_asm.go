//go:build amd64 || arm64

package mem

// PrefetchWord asks for the cache line of w, which is about to be stored to, and does not wait for it.
//
//go:noescape
func PrefetchWord(w *Word)

// PrefetchByte is PrefetchWord for payload.
//
//go:noescape
func PrefetchByte(p *byte)
