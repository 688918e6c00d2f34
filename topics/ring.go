package topics

import (
	"fmt"
	"math/bits"
	"sync"

	"shmbus/internal/mem"
)

// A Ring is one topic's region as this process sees it. It has no state of its own: any number of Writers and Readers may stand
// on one Ring, or on Rings over other mappings of the same region.
type Ring struct {
	control *control
	writers []writerLine
	gates   []gateLine
	slots   mem.Circle[slot]
	cells   []byte
	single  mem.Cells // the same, for frames of one slot

	mask     uint64 // slots - 1
	shift    uint   // log2 of the cell size
	cell     int    // its size
	largest  uint64 // frame, in bytes
	growth   uint64 // mostRun - 1 if runs may grow, or else 0; see growthOf
	geometry Geometry
	areas    Areas

	// Alive says whether the participant behind an owner word may still be running. It may say so wrongly for a while of a dead
	// one, never of a living one that it is dead. Nil: everybody lives.
	Alive func(owner uint64) bool
	// Orphaned is told of frames that a group's members had in hand when the last of them died or left; nil: nobody is told.
	Orphaned func(group string, frames int)
	// Self is the owner word of this process's participant, in whose name it reaps; 0: it may not reap.
	Self uint64
	// Kept is locked while a dead one's line is reaped; who takes the memory away from under the ring locks it as well. Nil: nobody does.
	Kept sync.Locker
}

// Format writes an empty ring into region, which must be zeroed, aligned to 64 bytes and of the size that g.Areas(page) says. Nobody else
// may look at the region yet. now is in Unix nanoseconds.
func Format(region []byte, g Geometry, page int, now int64) error {
	g, err := g.Normal()
	if err != nil {
		return err
	}
	if want := g.Areas(page).Size; int64(len(region)) != want {
		return fmt.Errorf("a region of %d bytes, want %d", len(region), want)
	}
	cs, err := mem.View[control](region, 0, 1)
	if err != nil {
		return err
	}
	c := &cs[0]
	var flags uint64
	if g.Policy == PolicyLossless {
		flags |= flagLossless
	}
	if g.Exclusive {
		flags |= flagExclusive
	}
	if g.NoTime {
		flags |= flagNoTime
	}
	c.slots.Set(uint64(g.Slots))
	c.cell.Set(uint64(g.CellSize))
	c.flags.Set(flags)
	c.lines.Set(uint64(g.Publishers) | uint64(g.Subscriptions)<<32)
	c.page.Set(uint64(page))
	c.made.Set(uint64(now))
	c.magic.Set(magicRing)
	return nil
}

// ReadGeometry checks the control area at the start of a region of size bytes, and says what the region holds. control must have at least
// 256 bytes.
func ReadGeometry(controlArea []byte, size int64) (g Geometry, page int, err error) {
	_, g, page, err = readControl(controlArea)
	if err != nil {
		return g, 0, err
	}
	if want := g.Areas(page).Size; want != size {
		return g, 0, fmt.Errorf("%w: the region has %d bytes, its geometry wants %d", ErrCorrupt, size, want)
	}
	return g, page, nil
}

// Unjoined is the areas of the region that begins with that control area, if nobody has ever come to it: then there is nothing in its stamps and cells.
// Otherwise, and where no region begins, it is an ErrCorrupt. It is for who believes that a region was never published.
func Unjoined(controlArea []byte) (Areas, error) {
	c, g, page, err := readControl(controlArea)
	if err != nil {
		return Areas{}, err
	}
	if c.publishers.Load()|c.subscriptions.Load()|c.tail.Load()|c.head.Load() != 0 {
		return Areas{}, fmt.Errorf("%w: the topic table has no topic there, and the region there has been in use", ErrCorrupt)
	}
	return g.Areas(page), nil
}

// readControl checks the control area at the start of a region.
func readControl(controlArea []byte) (c *control, g Geometry, page int, err error) {
	cs, err := mem.View[control](controlArea, 0, 1)
	if err != nil {
		return nil, g, 0, fmt.Errorf("%w: control area: %v", ErrCorrupt, err)
	}
	c = &cs[0]
	magic, slots, cell, flags, lines, pg := c.magic.Get(), c.slots.Get(), c.cell.Get(), c.flags.Get(), c.lines.Get(), c.page.Get()
	pubs, subs := lines&(1<<32-1), lines>>32
	switch {
	case magic != magicRing:
		err = corrupt("the ring's magic", magic)
	case slots < MinSlots || slots > MaxSlots || slots&(slots-1) != 0:
		err = corrupt("the ring's number of slots", slots)
	case cell < MinCellSize || cell > MaxCellSize || cell&(cell-1) != 0:
		err = corrupt("the ring's cell size", cell)
	case flags > flagLossless|flagExclusive|flagNoTime:
		err = corrupt("the ring's flags", flags)
	case pubs < 1 || pubs > MaxLines || subs < 1 || subs > MaxLines || flags&flagExclusive != 0 && pubs != 1:
		err = corrupt("the ring's numbers of lines", lines)
	case pg < 4096 || pg > 1<<20 || pg&(pg-1) != 0:
		err = corrupt("the ring's page size", pg)
	}
	if err != nil {
		return nil, g, 0, err
	}
	g = Geometry{
		Slots: int(slots), CellSize: int(cell),
		Exclusive: flags&flagExclusive != 0, NoTime: flags&flagNoTime != 0,
		Publishers: int(pubs), Subscriptions: int(subs),
	}
	if flags&flagLossless != 0 {
		g.Policy = PolicyLossless
	}
	return c, g, int(pg), nil
}

// OpenRing checks a region and lays a Ring over it. The region must stay mapped as long as the Ring, and what was made from
// it, is used.
func OpenRing(region []byte) (*Ring, error) {
	g, page, err := ReadGeometry(region, int64(len(region)))
	if err != nil {
		return nil, err
	}
	return layRing(region, g, g.Areas(page))
}

// Over is the same ring over another mapping of its region, of the same size. What the region says of its geometry does not count any more: what was
// checked when the ring was opened does, so a line of the one is a line of the other. Nothing in the region is touched. Kept is nil.
func (r *Ring) Over(region []byte) (*Ring, error) {
	if int64(len(region)) != r.areas.Size {
		return nil, fmt.Errorf("a region of %d bytes, want %d", len(region), r.areas.Size)
	}
	o, err := layRing(region, r.geometry, r.areas)
	if err == nil {
		o.Alive, o.Orphaned, o.Self = r.Alive, r.Orphaned, r.Self
	}
	return o, err
}

// layRing lays a Ring over a region whose geometry has been checked.
func layRing(region []byte, g Geometry, a Areas) (*Ring, error) {
	r := &Ring{mask: uint64(g.Slots - 1), shift: uint(bits.TrailingZeros(uint(g.CellSize))), cell: g.CellSize, geometry: g, areas: a}
	r.largest = uint64(g.MaxFrame())
	r.growth = growthOf(g)
	cs, err := mem.View[control](region, 0, 1)
	if err == nil {
		r.control = &cs[0]
		r.writers, err = mem.View[writerLine](region, int(a.Writers), g.Publishers)
	}
	if err == nil {
		r.gates, err = mem.View[gateLine](region, int(a.Gates), g.Subscriptions)
	}
	if err == nil {
		var slots []slot
		if slots, err = mem.View[slot](region, int(a.Stamps), g.Slots); err == nil {
			r.slots, err = mem.NewCircle(slots)
		}
	}
	if err == nil {
		r.cells = region[a.Cells:][: g.Slots*g.CellSize : g.Slots*g.CellSize]
		r.single, err = mem.NewCells(r.cells, r.shift)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return r, nil
}

// Geometry is the topic's fixed shape.
func (r *Ring) Geometry() Geometry { return r.geometry }

// Areas are the offsets of the region's areas.
func (r *Ring) Areas() Areas { return r.areas }

// Tail is the next position to be claimed.
func (r *Ring) Tail() uint64 { return r.control.tail.Load() }

// Head is the oldest position still readable, and whether the topic has been removed.
func (r *Ring) Head() (pos uint64, removed bool) {
	h := r.control.head.Load() & positionMask
	return h, h == tombstone
}

// Made is when the topic was made, in Unix nanoseconds.
func (r *Ring) Made() int64 { return int64(r.control.made.Get()) }

// Remove marks the topic removed: claims, joins and head moves fail from here on, and whoever looks at the head sees it. It
// reports whether this call did it. The caller rings both bells.
func (r *Ring) Remove() bool {
	defer r.contest() // a sole publisher's claim is not ordered against its look at the tombstone; who has set that before may have ended then
	for {
		hw := r.control.head.Load()
		if hw&positionMask == tombstone {
			return false
		}
		if r.control.head.CompareAndSwap(hw, hw|tombstone) {
			return true
		}
	}
}

// Unused says that the topic has been removed and that no living participant has a claim or a gate in it, or is a member of a group: its
// stamps and cells can be given back. A member between two frames may be about to pin one: it takes what is there without a look at the
// tombstone. A claim taken after the tombstone is withdrawn before its first byte, so the answer stays true. A sole publisher from whom that
// was not taken may have seen no tombstone while its claim is not seen yet: it has to close, or to claim once more.
func (r *Ring) Unused() bool {
	if _, removed := r.Head(); !removed {
		return false
	}
	sole := holder(r.control.sole.Load())
	for i := range r.writers {
		w := &r.writers[i]
		_, _, open := r.pending(w)
		if o := w.owner.Load(); o != 0 && (open || w.publisher.Load() == sole) && r.alive(o) {
			return false
		}
	}
	for i := range r.gates {
		g := &r.gates[i]
		if o := g.owner.Load(); o != 0 && (g.state.Load()&kindMask == kindGate || g.group.Load() != 0) && r.alive(o) {
			return false
		}
	}
	return true
}

func (r *Ring) alive(owner uint64) bool {
	if owner == ownerAbandoned || owner == ownerGroup {
		return false
	}
	return r.Alive == nil || r.Alive(owner)
}

// at is the descriptor of a position.
func (r *Ring) at(pos uint64) *slot { return r.slots.At(pos) }

// payload is the n bytes of cells from pos on. n must fit in the span's cells, which must not cross the end of the ring.
func (r *Ring) payload(pos uint64, n int) []byte {
	off := int(pos&r.mask) << (r.shift & 63)
	return r.cells[off:][:n:n]
}

// span is how many slots n bytes take.
func (r *Ring) span(n int) uint64 {
	shift := r.shift & 63 // so that the compiler knows that it is no larger
	return max(1, (uint64(n)+1<<shift-1)>>shift)
}
