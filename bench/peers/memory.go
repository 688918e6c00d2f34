//go:build linux

package peers

import (
	"fmt"
	"math/bits"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"shmbus/internal/bench"
	"shmbus/internal/cpu"
	"shmbus/internal/mem"
)

// memory is no bus: memory that one core writes and the other one reads, with a word for each message that says it is there. One
// publisher, one subscriber; it spins. This is what frames that are filled and read in place are compared with, so it does with a message what the
// processes of shmbus do with one, by the same code, and nothing else: its loops are its own, without calls of an interface for each message.
//
// If it takes lines, the reader takes those of what it has read, as a lossless subscription does (see topics/taking.go): always, where that
// finds out first whether it is worth it.
func memory(takes bool) peer {
	return peer{whole: func(o Options) (func(n uint64) (Report, error), error) {
		a, err := newArea(o, "a", takes)
		if err != nil {
			return nil, err
		}
		if !o.Latency {
			if o.Publisher {
				return a.stream, nil
			}
			return a.drain, nil
		}
		b, err := newArea(o, "b", takes)
		if err != nil {
			return nil, err
		}
		if o.Publisher {
			return func(n uint64) (Report, error) {
				return timeEach(n, func() error {
					a.send()
					return b.receive()
				})
			}, nil
		}
		return func(n uint64) (Report, error) { return pong(n, a, b) }, nil
	}}
}

// line is a cache line with one word in use.
type line struct {
	word mem.Word
	_    [56]byte
}

const lineSize = 64

// area is what both have mapped: a line of the receiver, a line for each message, and the messages.
type area struct {
	read   *mem.Word
	stamps mem.Circle[line]
	slots  mem.Cells // the stamps, to be taken
	cells  mem.Cells
	size   int
	i      uint64 // messages sent or received
	room   uint64 // the sender knows that there is room up to this one
	takes  bool
	owed   bool // the lines of the last message are still to be taken
}

func newArea(o Options, channel string, takes bool) (*area, error) {
	slots := bench.SlotsFor(o.Size, o.Size, false) // as a topic of the benchmark has
	f, err := os.OpenFile(filepath.Join(o.Dir, channel), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Cells begin with a page, as those of a topic do.
	stamps := (lineSize*(1+slots) + os.Getpagesize() - 1) &^ (os.Getpagesize() - 1)
	whole := int64(stamps + slots*o.Size)
	if err := f.Truncate(whole); err != nil {
		return nil, err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(whole), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, err
	}
	lines, err := mem.View[line](m, 0, 1+slots)
	if err != nil {
		return nil, err
	}
	a := &area{read: &lines[0].word, size: o.Size, takes: takes}
	if a.stamps, err = mem.NewCircle(lines[1:]); err != nil {
		return nil, err
	}
	if a.slots, err = mem.NewCells(m[lineSize:][:lineSize*slots], uint(bits.TrailingZeros(lineSize))); err != nil {
		return nil, err
	}
	a.cells, err = mem.NewCells(m[stamps:], uint(bits.TrailingZeros(uint(o.Size))))
	return a, err
}

// send waits for room and fills the next message in place.
func (a *area) send() {
	for a.i >= a.room {
		if a.room = a.read.Load() + uint64(a.stamps.Len()); a.i >= a.room {
			cpu.Pause(1)
		}
	}
	c := a.cells.At(a.i)
	bench.Fill(c.Bytes(a.size), a.i+1)
	a.stamps.At(a.i).word.StoreRelease(a.i + 1)
	a.i++
}

// receive waits for the next message and reads it in place. Lines are taken when the next one is looked for: nothing is to stand between a question and
// its answer.
func (a *area) receive() error {
	if a.owed {
		mem.TakeUnchanged(&a.cells, a.i-1, (a.size+lineSize-1)/lineSize)
		mem.TakeFirstUnchanged(&a.slots, a.i-1)
	}
	for w := &a.stamps.At(a.i).word; w.Load() != a.i+1; {
		cpu.Pause(1)
	}
	c := a.cells.At(a.i)
	if a.i++; !bench.Whole(c.Bytes(a.size), a.i) {
		return fmt.Errorf("message %d of the bare memory is not what was sent", a.i)
	}
	a.owed = a.takes
	if a.i%max(1, uint64(a.stamps.Len()/8)) == 0 {
		a.read.StoreRelease(a.i)
	}
	return nil
}

func (a *area) stream(n uint64) (Report, error) {
	r := Report{Start: bench.Now(), Count: n}
	for range n {
		a.send()
	}
	r.End = bench.Now()
	return r, nil
}

func (a *area) drain(n uint64) (Report, error) {
	for range n {
		if err := a.receive(); err != nil {
			return Report{}, err
		}
	}
	return Report{End: bench.Now(), Count: n}, nil
}

// pong answers.
func pong(n uint64, in, out *area) (Report, error) {
	for range n {
		if err := in.receive(); err != nil {
			return Report{}, err
		}
		out.send()
	}
	return Report{End: bench.Now(), Count: n}, nil
}
