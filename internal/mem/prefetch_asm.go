//go:build amd64 || arm64

package mem

// prefetch asks for n cache lines, at least one, that are about to be stored to, one every stride bytes, and does not wait for them.
//
//go:noescape
func prefetch(p *byte, stride uintptr, n int)
