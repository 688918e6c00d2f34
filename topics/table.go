package topics

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

	"shmbus/internal/mem"
)

// The topic table is an area of the segment: TableEntries entries of entrySize bytes.
const (
	TableEntries = 1024
	entrySize    = 320
	// TableBytes is the size of the table.
	TableBytes = TableEntries * entrySize
)

// Bells of a topic lie at its entry's place in the bell area.
const (
	// BellStride is how many bytes of bells belong to one topic.
	BellStride = 256
	// DataBell is rung by commits, aborts, reaping and removal; its offset within the topic's bells.
	DataBell = 0
	// RoomBell is rung by cursors, leaving gates, passed turns, reaping and removal. What lies behind it is reserved: groups have no bell of their own.
	RoomBell = 64
	// BellBytes is the size of the bell area.
	BellBytes = TableEntries * BellStride
)

// entry is one place in the table. Only the holder of the table's lock stores to it. state is stored before and after all that readers load when a
// topic is made, and first when it goes; readers load state, the rest, and state again.
//
// state: generation << 2 | live, removed, free or being made. The generation rises with each topic made in this place.
//
// before: stored ahead of all else when a topic is made; it counts while it is being made, when offset and size say nothing.
type entry struct {
	state  mem.Word
	hash   mem.Plain // FNV-1a of the name
	offset mem.Plain // of the region in the segment file
	size   mem.Plain
	made   mem.Plain // Unix nanoseconds
	length mem.Plain // of the name
	flags  mem.Plain // bit 0 ephemeral
	before mem.Plain // where the region ended that was last published in this place
	name   [MaxName / 8]mem.Plain
	_      [entrySize/8 - 8 - MaxName/8]mem.Plain
}

const (
	entryFree    = 0
	entryLive    = 1
	entryRemoved = 2 // its region may still be in use
	entryMaking  = 3 // as free, and the region that is said here has not been published
)

const entryEphemeral = 1 // in flags

// ErrTableFull: all places in the topic table are taken.
var ErrTableFull = fmt.Errorf("the topic table is full: a segment holds %d topics", TableEntries)

// ErrTable: an entry of the topic table is damaged. It is an ErrCorrupt that no removal of a topic mends.
var ErrTable = fmt.Errorf("%w: topic table", ErrCorrupt)

// ErrNoTopic: there is no such topic.
var ErrNoTopic = errors.New("no such topic")

// A Table is the topic table of one segment. Lookups may run at any time beside one change.
type Table struct{ entries []entry }

// An Entry is what the table says of one topic.
type Entry struct {
	Name         string
	Place        int    // in the table; the topic's bells lie there too
	Generation   uint64 // rises when another topic takes the place
	Offset, Size int64  // of the region
	Made         int64  // Unix nanoseconds
	Ephemeral    bool   // the topic goes with its last participant
}

// OpenTable lays a Table over the segment's table area.
func OpenTable(area []byte) (*Table, error) {
	es, err := mem.View[entry](area, 0, TableEntries)
	if err != nil {
		return nil, fmt.Errorf("%w: topic table: %v", ErrCorrupt, err)
	}
	return &Table{es}, nil
}

func hashName(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// nameWords is a name as an entry has it: its bytes in order, and zeros behind.
func nameWords(name string) (words [MaxName / 8]uint64) {
	var b [MaxName]byte
	copy(b[:], name)
	for j := range words {
		words[j] = binary.LittleEndian.Uint64(b[8*j:])
	}
	return words
}

// Find is the live topic of that name, or ErrNoTopic, or ErrCorrupt.
func (t *Table) Find(name string) (Entry, error) {
	hash := hashName(name)
	for i := range t.entries {
		if t.entries[i].state.Load()&3 != entryLive || t.entries[i].hash.Get() != hash {
			continue
		}
		e, live, err := t.read(i)
		if err != nil {
			return e, err
		}
		if live && e.Name == name {
			return e, nil
		}
	}
	return Entry{}, ErrNoTopic
}

// All is every live topic. Entries that make no sense are left out and reported together in the error.
func (t *Table) All() ([]Entry, error) { return t.all(func(*entry) bool { return true }) }

// Ephemeral is every live topic that goes with its last participant. Entries that make no sense are left out.
func (t *Table) Ephemeral() []Entry {
	some, _ := t.all(func(p *entry) bool { return p.flags.Get() == entryEphemeral })
	return some
}

// all is every live topic of those that are asked for. To read an entry takes a hundred times as long as to look at a word of it.
func (t *Table) all(wanted func(p *entry) bool) ([]Entry, error) {
	var all []Entry
	var errs []error
	for i := range t.entries {
		if !wanted(&t.entries[i]) {
			continue
		}
		e, live, err := t.read(i)
		switch {
		case err != nil:
			errs = append(errs, err)
		case live:
			all = append(all, e)
		}
	}
	return all, errors.Join(errs...)
}

// Is says whether e is still live in the table.
func (t *Table) Is(e Entry) bool {
	return t.entries[e.Place].state.Load() == e.Generation<<2|entryLive
}

// read loads the entry at a place, consistently.
func (t *Table) read(i int) (e Entry, live bool, err error) {
	p := &t.entries[i]
	var fence mem.Fence
	for tries := 0; tries < 100; tries++ {
		st := p.state.Load()
		if st&3 != entryLive {
			return e, false, nil
		}
		var name [MaxName]byte
		length, hash, flags := p.length.Get(), p.hash.Get(), p.flags.Get()
		for j := range (min(length, MaxName) + 7) / 8 {
			binary.LittleEndian.PutUint64(name[8*j:], p.name[j].Get())
		}
		e = Entry{Place: i, Generation: st >> 2, Offset: int64(p.offset.Get()), Size: int64(p.size.Get()), Made: int64(p.made.Get())}
		e.Ephemeral = flags == entryEphemeral
		fence.LoadLoad()
		if p.state.Load() != st {
			continue
		}
		if length > MaxName {
			return e, false, fmt.Errorf("%w place %d: a name of %d bytes", ErrTable, i, length)
		}
		e.Name = string(name[:length])
		if err := CheckName(e.Name); err != nil || hashName(e.Name) != hash {
			return e, false, fmt.Errorf("%w place %d: name %q does not fit its hash", ErrTable, i, e.Name)
		}
		if flags > entryEphemeral {
			return e, false, fmt.Errorf("%w place %d (%s): flags %#x", ErrTable, i, e.Name, flags)
		}
		if e.Offset <= 0 || e.Size <= 0 || e.Offset+e.Size < 0 {
			return e, false, fmt.Errorf("%w place %d (%s): region of %d bytes at %d", ErrTable, i, e.Name, e.Size, e.Offset)
		}
		return e, true, nil
	}
	return e, false, fmt.Errorf("%w place %d: it never keeps still", ErrTable, i)
}

// free says whether a topic can be made in a place of that state. Where a maker was ended amid it, another one begins again.
func free(state uint64) bool { return state&3 == entryFree || state&3 == entryMaking }

// Free says whether there is a free place. The caller holds the table's lock, as for all that follow.
func (t *Table) Free() error {
	for i := range t.entries {
		if free(t.entries[i].state.Load()) {
			return nil
		}
	}
	return ErrTableFull
}

// Publish makes a topic known whose region has been formatted, by its last store.
func (t *Table) Publish(name string, offset, size, made int64, ephemeral bool) (Entry, error) {
	var flags uint64
	if ephemeral {
		flags = entryEphemeral
	}
	for i := range t.entries {
		p := &t.entries[i]
		st := p.state.Load()
		if !free(st) {
			continue
		}
		p.before.Set(p.end()) // for End, should the maker be killed before its last store
		p.state.Store(st | entryMaking)
		p.hash.Set(hashName(name))
		p.offset.Set(uint64(offset))
		p.size.Set(uint64(size))
		p.made.Set(uint64(made))
		p.length.Set(uint64(len(name)))
		p.flags.Set(flags)
		for j, v := range nameWords(name) {
			p.name[j].Set(v)
		}
		gen := st>>2 + 1
		p.state.Store(gen<<2 | entryLive)
		return Entry{name, i, gen, offset, size, made, ephemeral}, nil
	}
	return Entry{}, ErrTableFull
}

// Retire takes a topic's name out of the table. Its place stays taken until Release.
func (t *Table) Retire(e Entry) {
	t.entries[e.Place].state.Store(e.Generation<<2 | entryRemoved)
}

// Retired is every removed topic whose region has not been given back.
func (t *Table) Retired() []Entry {
	var all []Entry
	for i := range t.entries {
		p := &t.entries[i]
		if st := p.state.Load(); st&3 == entryRemoved {
			all = append(all, Entry{Place: i, Generation: st >> 2, Offset: int64(p.offset.Get()), Size: int64(p.size.Get()), Made: int64(p.made.Get())})
		}
	}
	return all
}

// End is where the last region ends that was ever published: a place keeps the range of its last topic, and each region lies behind all before it.
// A region whose maker ended before its last store was not. It is for who holds the table's lock.
func (t *Table) End() int64 {
	var end uint64
	for i := range t.entries {
		end = max(end, t.entries[i].end())
	}
	return int64(min(end, 1<<62))
}

// end is where the region ends that was last published in this place.
func (p *entry) end() uint64 {
	if p.state.Load()&3 == entryMaking {
		return p.before.Get()
	}
	return p.offset.Get() + p.size.Get()
}

// Release frees the place of a retired topic.
func (t *Table) Release(e Entry) {
	t.entries[e.Place].state.Store(e.Generation<<2 | entryFree)
}

// Changes is a hash that is another one when topics have been made or removed. It is quick.
func (t *Table) Changes() uint64 {
	h := fnv.New64a()
	var b [8]byte
	for i := range t.entries {
		binary.NativeEndian.PutUint64(b[:], t.entries[i].state.Load())
		h.Write(b[:])
	}
	return h.Sum64()
}
