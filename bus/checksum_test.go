package bus_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"

	"shmbus/bus"
)

const mostBytes = 64 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frameMaker makes frames: 4 bytes of checksum and random bytes, or fewer bytes, all the same.
type frameMaker struct {
	rnd  *rand.Rand
	pool []byte
	n    uint64 // frames made
}

func newFrameMaker(seed uint64) *frameMaker {
	m := &frameMaker{rnd: rand.New(rand.NewPCG(seed, 1)), pool: make([]byte, 2*mostBytes)}
	for i := range m.pool {
		m.pool[i] = byte(m.rnd.Uint32())
	}
	return m
}

func (m *frameMaker) size() int { return m.rnd.IntN(mostBytes + 1) }

// fill makes the next frame in b.
func (m *frameMaker) fill(b []byte) {
	m.n++
	if len(b) < 4 {
		for i := range b {
			b[i] = byte(m.n)
		}
		return
	}
	copy(b[4:], m.pool[m.rnd.IntN(mostBytes):])
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
}

// check says the checksum of a received frame, and whether it is whole.
func check(f *bus.Frame) (sum uint32, err error) {
	b := f.Bytes()
	if len(b) < 4 {
		for _, c := range b {
			if c != byte(f.Sequence()) {
				return 0, fmt.Errorf("frame %d of %d is torn: % x", f.Sequence(), f.Publisher(), b)
			}
		}
		return uint32(len(b)), nil
	}
	if sum = binary.LittleEndian.Uint32(b); sum != crc32.Checksum(b[4:], castagnoli) {
		return sum, fmt.Errorf("frame %d of %d is torn: %d bytes", f.Sequence(), f.Publisher(), len(b))
	}
	return sum, nil
}
