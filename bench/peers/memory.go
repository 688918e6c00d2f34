//go:build linux

package peers

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"shmbus/internal/bench"
	"shmbus/internal/cpu"
	"shmbus/internal/mem"
)

// memory is no bus: memory that one core writes and the other one reads, with a word for each message that says it is there. One
// publisher, one subscriber; it spins. This is what frames that are filled and read in place are compared with.
var memory = peer{
	send: func(o Options, channel string) (sender, error) {
		m, err := newMemory(o, channel)
		return &memorySender{m}, err
	},
	receive: func(o Options, channel string) ([]receiver, error) {
		m, err := newMemory(o, channel)
		return []receiver{&memoryReceiver{m}}, err
	},
}

// line is a cache line with one word in use.
type line struct {
	word mem.Word
	_    [56]byte
}

// area is what both have mapped: a line of the receiver, a line for each message, and the messages.
type area struct {
	read   *mem.Word
	stamps []line
	bytes  []byte
	size   int
	i      uint64 // messages sent or received
}

func newMemory(o Options, channel string) (*area, error) {
	slots := bench.SlotsFor(o.Size, o.Size, false) // as a topic of the benchmark has
	size := 64 * (1 + slots)
	f, err := os.OpenFile(filepath.Join(o.Dir, channel), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	whole := int64(size + slots*o.Size)
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
	return &area{read: &lines[0].word, stamps: lines[1:], bytes: m[size:], size: o.Size}, nil
}

func (a *area) message() (*mem.Word, []byte) {
	n := int(a.i % uint64(len(a.stamps)))
	return &a.stamps[n].word, a.bytes[n*a.size:][:a.size:a.size]
}

type memorySender struct{ *area }

func (s *memorySender) room() ([]byte, bool, error) {
	for s.i-s.read.Load() >= uint64(len(s.stamps)) {
		cpu.Pause(1)
	}
	_, b := s.message()
	return b, true, nil
}

func (s *memorySender) send() error {
	w, _ := s.message()
	s.i++
	w.StoreRelease(s.i)
	return nil
}

func (s *memorySender) flush() error { return nil }

type memoryReceiver struct{ *area }

func (r *memoryReceiver) take() ([]byte, error) {
	w, b := r.message()
	for w.Load() != r.i+1 {
		cpu.Pause(1)
	}
	return b, nil
}

func (r *memoryReceiver) give() error {
	r.i++
	if r.i%max(1, uint64(len(r.stamps)/8)) == 0 {
		r.read.StoreRelease(r.i)
	}
	return nil
}
