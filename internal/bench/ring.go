package bench

import "math/bits"

// What a topic has that nobody has asked for another shape of. Its ring stays in a cache. For one publisher and one subscriber it has room for
// 8192 small frames, as topics have by default, and for 4 of the largest. Where processes take turns on CPUs it has more room: who is on one then has
// something to do until it is full, or empty. A turn is some 3 ms, in which more than a hundred thousand of the smallest are published: these
// have so much. Larger ones gain nothing from a ring that is in no cache.
const (
	ringMemory  = 4 << 20 // bytes, about
	pairSlots   = 8192
	pairFrames  = 4
	crowdSlots  = 131072 // of the smallest frames
	crowdFrames = 256
	crowdMemory = 64 << 20 // bytes; so much these take at most
	lineSize    = 64       // bytes of a descriptor, and of the smallest cell
)

// CellFor is the payload of a slot, in bytes, for frames of that size.
func CellFor(size int) int { return min(max(lineSize, powerOfTwo(size)), 65536) }

// SlotsFor is how many slots of that cell size a ring has for frames of that size, with more processes than CPUs, crowded, or without.
func SlotsFor(size, cell int, crowded bool) int {
	each := (size + cell - 1) / cell // slots that a frame takes
	pair := max(min(pairSlots, powerOfTwo(ringMemory/cell)), powerOfTwo(pairFrames*each))
	if !crowded {
		return pair
	}
	if each == 1 && cell == lineSize {
		return crowdSlots
	}
	return max(pair, powerOfTwo(min(crowdMemory/cell, max(ringMemory/(cell+lineSize), crowdFrames*each))))
}

// powerOfTwo is the next one that is n or more.
func powerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }
