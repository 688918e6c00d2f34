//go:build !(linux && (amd64 || arm64))

package wake

import (
	"fmt"
	"runtime"
)

// Futex is the Linux backend. Here it is always an error, which says what is missing; use Default or Poll.
func Futex() (Notifier, error) {
	return nil, fmt.Errorf("wake: no futex between processes on %s/%s; sleepers poll instead", runtime.GOOS, runtime.GOARCH)
}

// A berth is a place in a crowd, which there is none of here.
type berth struct{}

func (p *Poke) unseat() {}
