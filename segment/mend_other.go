//go:build !linux || (!amd64 && !arm64)

package segment

import "sync/atomic"

// Mends says whether Mend works on this platform. Where it does not, who touches mapped memory recovers from faults, with Guard.
const Mends = false

// A Mend is nothing here.
type Mend struct{}

func mend([]byte, *atomic.Uint32) (*Mend, error) { return nil, nil }

// Err is nil.
func (*Mend) Err() error { return nil }

// End does nothing.
func (*Mend) End() {}
