package topics

import (
	"fmt"
	"math/bits"

	"shmbus/internal/mem"
)

// Policy says what a publisher does when the ring is full. It is fixed when the topic is made.
type Policy uint8

const (
	// PolicyOverwrite: publishers never wait for readers; a reader that is too slow is lapped and told exactly what it lost.
	PolicyOverwrite Policy = iota
	// PolicyLossless: publishers wait for the slowest lossless subscription. With none present it overwrites.
	PolicyLossless
)

// String is "overwrite" or "lossless".
func (p Policy) String() string {
	switch p {
	case PolicyOverwrite:
		return "overwrite"
	case PolicyLossless:
		return "lossless"
	}
	return fmt.Sprintf("policy %d", uint8(p))
}

// Defaults and limits of a Geometry.
const (
	DefaultSlots         = 8192
	DefaultCellSize      = 64
	DefaultPublishers    = 64
	DefaultSubscriptions = 64

	MinSlots    = 2
	MaxSlots    = 1 << 26
	MinCellSize = 64
	MaxCellSize = 64 << 10
	MaxRing     = mem.MaxCells // bytes of payload
	MaxLines    = 4096
)

// Geometry is the fixed shape of a topic.
type Geometry struct {
	Slots         int // slots in the ring, a power of two
	CellSize      int // bytes of payload in a slot, a power of two from 64 to 65536
	Policy        Policy
	Exclusive     bool // one publisher at a time
	NoTime        bool // frames carry no time
	Publishers    int  // how many publishers may be open at once
	Subscriptions int  // how many subscriptions may be open at once, taps not counted
}

// Normal fills in defaults for zeros, rounds slots and cell size up to powers of two, and reports what is out of range.
func (g Geometry) Normal() (Geometry, error) {
	set := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	set(&g.Slots, DefaultSlots)
	set(&g.CellSize, DefaultCellSize)
	set(&g.Publishers, DefaultPublishers)
	set(&g.Subscriptions, DefaultSubscriptions)
	if g.Exclusive {
		g.Publishers = 1
	}
	switch {
	case g.Slots < MinSlots || g.Slots > MaxSlots:
		return g, fmt.Errorf("%d slots: a ring has %d to %d", g.Slots, MinSlots, MaxSlots)
	case g.CellSize < 1 || g.CellSize > MaxCellSize:
		return g, fmt.Errorf("cells of %d bytes: a cell has %d to %d", g.CellSize, MinCellSize, MaxCellSize)
	case g.Publishers < 1 || g.Publishers > MaxLines:
		return g, fmt.Errorf("%d publishers: a topic has room for 1 to %d", g.Publishers, MaxLines)
	case g.Subscriptions < 1 || g.Subscriptions > MaxLines:
		return g, fmt.Errorf("%d subscriptions: a topic has room for 1 to %d", g.Subscriptions, MaxLines)
	case g.Policy > PolicyLossless:
		return g, fmt.Errorf("unknown %v", g.Policy)
	}
	g.Slots = ceilPowerOfTwo(g.Slots)
	g.CellSize = max(MinCellSize, ceilPowerOfTwo(g.CellSize))
	if g.Slots > MaxRing/g.CellSize {
		return g, fmt.Errorf("%d slots with cells of %d bytes: a ring has at most %d bytes in its cells", g.Slots, g.CellSize, MaxRing)
	}
	return g, nil
}

func ceilPowerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }

// MaxFrame is the size in bytes of the largest frame: half the ring's cells, and less than 4 GiB.
func (g Geometry) MaxFrame() int { return min(g.Slots/2*g.CellSize, 1<<32-1) }

// Areas are the offsets of a region's areas in bytes, and its size.
type Areas struct{ Writers, Gates, Stamps, Cells, Size int64 }

// Areas lays a topic out on pages of the given size. The geometry must be normal.
func (g Geometry) Areas(page int) Areas {
	up := func(n int64) int64 { return (n + int64(page) - 1) / int64(page) * int64(page) }
	var a Areas
	a.Writers = int64(page)
	a.Gates = a.Writers + up(int64(g.Publishers)*lineSize)
	a.Stamps = a.Gates + up(int64(g.Subscriptions)*lineSize)
	a.Cells = a.Stamps + up(int64(g.Slots)*lineSize)
	a.Size = a.Cells + up(int64(g.Slots)*int64(g.CellSize))
	return a
}
