package topics

import (
	"testing"
	"unsafe"
)

func TestEveryWordLiesWhereTheLayoutSays(t *testing.T) {
	var c control
	var w writerLine
	var g gateLine
	var s slot
	var e entry
	for _, x := range []struct {
		name      string
		got, want uintptr
	}{
		{"control", unsafe.Sizeof(c), 256},
		{"control.tail", unsafe.Offsetof(c.tail), 0},
		{"control.head", unsafe.Offsetof(c.head), 64},
		{"control.turn", unsafe.Offsetof(c.turn), 72},
		{"control.sole", unsafe.Offsetof(c.sole), 80},
		{"control.publishers", unsafe.Offsetof(c.publishers), 128},
		{"control.subscriptions", unsafe.Offsetof(c.subscriptions), 136},
		{"control.magic", unsafe.Offsetof(c.magic), 192},
		{"control.slots", unsafe.Offsetof(c.slots), 200},
		{"control.cell", unsafe.Offsetof(c.cell), 208},
		{"control.flags", unsafe.Offsetof(c.flags), 216},
		{"control.lines", unsafe.Offsetof(c.lines), 224},
		{"control.page", unsafe.Offsetof(c.page), 232},
		{"control.made", unsafe.Offsetof(c.made), 240},
		{"control._spare", unsafe.Offsetof(c._spare), 248},

		{"writer", unsafe.Sizeof(w), 64},
		{"writer.owner", unsafe.Offsetof(w.owner), 0},
		{"writer.claim", unsafe.Offsetof(w.claim), 8},
		{"writer.length", unsafe.Offsetof(w.length), 16},
		{"writer.last", unsafe.Offsetof(w.last), 24},
		{"writer.frames", unsafe.Offsetof(w.frames), 32},
		{"writer.publisher", unsafe.Offsetof(w.publisher), 40},
		{"writer.bytes", unsafe.Offsetof(w.bytes), 48},
		{"writer.blocked", unsafe.Offsetof(w.blocked), 56},

		{"gate", unsafe.Sizeof(g), 64},
		{"gate.owner", unsafe.Offsetof(g.owner), 0},
		{"gate.state", unsafe.Offsetof(g.state), 8},
		{"gate.subscription", unsafe.Offsetof(g.subscription), 16},
		{"gate.received", unsafe.Offsetof(g.received), 24},
		{"gate.lost", unsafe.Offsetof(g.lost), 32},
		{"gate.pin", unsafe.Offsetof(g.pin), 40},
		{"gate.group", unsafe.Offsetof(g.group), 48},
		{"gate.attempts", unsafe.Offsetof(g.attempts), 56},

		{"slot", unsafe.Sizeof(s), 64},
		{"slot.stamp", unsafe.Offsetof(s.stamp), 0},
		{"slot.publisher", unsafe.Offsetof(s.publisher), 8},
		{"slot.sequence", unsafe.Offsetof(s.sequence), 16},
		{"slot.number", unsafe.Offsetof(s.number), 24},
		{"slot.time", unsafe.Offsetof(s.time), 32},
		{"slot.meta", unsafe.Offsetof(s.meta), 40},

		{"entry", unsafe.Sizeof(e), 320},
		{"entry.state", unsafe.Offsetof(e.state), 0},
		{"entry.hash", unsafe.Offsetof(e.hash), 8},
		{"entry.offset", unsafe.Offsetof(e.offset), 16},
		{"entry.size", unsafe.Offsetof(e.size), 24},
		{"entry.made", unsafe.Offsetof(e.made), 32},
		{"entry.length", unsafe.Offsetof(e.length), 40},
		{"entry.flags", unsafe.Offsetof(e.flags), 48},
		{"entry.before", unsafe.Offsetof(e.before), 56},
		{"entry.name", unsafe.Offsetof(e.name), 64},
		{"entry's name's end", unsafe.Offsetof(e.name) + unsafe.Sizeof(e.name), 64 + MaxName},
	} {
		if x.got != x.want {
			t.Errorf("%s: %d, the layout says %d", x.name, x.got, x.want)
		}
	}
}

// TestWordsWithDifferentWritersShareNoLine: the tail (claims), the head (moves and joins), the counters (openings) and the geometry (never
// written) lie in lines of their own; so do two publishers, two subscriptions and two descriptors.
func TestWordsWithDifferentWritersShareNoLine(t *testing.T) {
	r := heapRing(t, Geometry{Slots: 4, Publishers: 2, Subscriptions: 2})
	line := func(p unsafe.Pointer) uintptr { return uintptr(p) / 64 }
	c := r.control
	seen := make(map[uintptr]string)
	for _, x := range []struct {
		name        string
		first, last unsafe.Pointer
	}{
		{"tail", unsafe.Pointer(&c.tail), unsafe.Pointer(&c.tail)},
		{"head", unsafe.Pointer(&c.head), unsafe.Pointer(&c.turn)},
		{"counters", unsafe.Pointer(&c.publishers), unsafe.Pointer(&c.subscriptions)},
		{"geometry", unsafe.Pointer(&c.magic), unsafe.Pointer(&c._spare)},
		{"writer 0", unsafe.Pointer(&r.writers[0].owner), unsafe.Pointer(&r.writers[0].blocked)},
		{"writer 1", unsafe.Pointer(&r.writers[1].owner), unsafe.Pointer(&r.writers[1].blocked)},
		{"gate 0", unsafe.Pointer(&r.gates[0].owner), unsafe.Pointer(&r.gates[0].attempts)},
		{"gate 1", unsafe.Pointer(&r.gates[1].owner), unsafe.Pointer(&r.gates[1].attempts)},
		{"slot 0", unsafe.Pointer(&r.slots.At(0).stamp), unsafe.Pointer(&r.slots.At(0).meta)},
		{"slot 1", unsafe.Pointer(&r.slots.At(1).stamp), unsafe.Pointer(&r.slots.At(1).meta)},
		{"cell 0", unsafe.Pointer(&r.cells[0]), unsafe.Pointer(&r.cells[63])},
	} {
		if line(x.first) != line(x.last) {
			t.Errorf("%s lies in two lines", x.name)
		}
		if other := seen[line(x.first)]; other != "" {
			t.Errorf("%s and %s share a line", x.name, other)
		}
		seen[line(x.first)] = x.name
	}
}
