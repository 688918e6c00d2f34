//go:build amd64

package mem

import "unsafe"

// LoadTicks loads a byte and says how many ticks of the CPU's time stamp counter that took, with some 30 for looking at it: a tick is about as long as a cycle at the
// CPU's nominal frequency. Nothing else is done meanwhile. It is 0 where there is no such counter.
func LoadTicks(p *byte) uint64 { return loadTicks(unsafe.Pointer(p)) }

//go:noescape
func loadTicks(p unsafe.Pointer) uint64
