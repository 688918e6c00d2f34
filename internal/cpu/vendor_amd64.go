package cpu

import "encoding/binary"

// vendor is what CPUID's leaf 0 says of the maker, in the order of the name.
//
//go:noescape
func vendor() (b, d, c uint32)

// OwnsLate says whether the CPU, where it has a line that another core has read, asks to have it alone only when a store to it is the oldest that is left, so that such
// stores wait for each other, and a prefetch for storing does nothing. Those of AMD do: measured on Zen 4 (EPYC 9004), see docs/BENCHMARKS.md.
var OwnsLate = func() bool {
	var name [12]byte
	b, d, c := vendor()
	for i, w := range []uint32{b, d, c} {
		binary.LittleEndian.PutUint32(name[4*i:], w)
	}
	return string(name[:]) == "AuthenticAMD" || string(name[:]) == "HygonGenuine"
}()
