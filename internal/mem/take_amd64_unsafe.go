//go:build amd64

package mem

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// TakesUnchanged says whether TakeUnchanged does anything: the CPU has to have masked stores.
var TakesUnchanged = cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL

// TakeUnchanged makes n lines from the cell with index i on, at least one, this CPU's alone, as a store to each would, and stores nothing: whoever stores
// there at the same time loses nothing. It does not wait for the lines. The cells must be mapped for writing, and the lines must not go round their end. TakesUnchanged has to say that it can.
//
// A store of which a mask leaves no byte asks for the line all the same (measured on Zen 4). It is quick where the page has been stored to
// through the same mapping; otherwise the CPU takes a hundred nanoseconds for it, and there is no page fault that would mend that. The kernel takes such pages away when it swaps
// them out or writes them to a disk. So the first line of each page is taken by an atomic or of 0 as well.
func TakeUnchanged(c *Cells, i uint64, n int) { takeUnchanged(c.place(i), n) }

// TakeFirstUnchanged is TakeUnchanged for the first line of one cell.
func TakeFirstUnchanged(c *Cells, i uint64) { takeUnchanged(c.place(i), 1) }

//go:noescape
func takeUnchanged(p unsafe.Pointer, lines int)
