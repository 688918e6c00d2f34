//go:build linux

package bench

import (
	"encoding/binary"
	"fmt"

	"shmbus/bus"
)

// Every frame carries its publisher's count of frames, in its first and in its last whole word, and zeros between them. The
// subscriber reads all of it.

// stamp makes b, which was zero or a stamped frame of the same size, the frame of that count.
func stamp(b []byte, count uint64) {
	if len(b) < 8 {
		for i := range b {
			b[i] = byte(count >> (8 * i))
		}
		return
	}
	binary.LittleEndian.PutUint64(b, count)
	binary.LittleEndian.PutUint64(b[(len(b)-8)&^7:], count)
}

// sum adds up a frame. The words of a line lie at fixed places of an array: with the frame's length in a slice expression the address of
// each load would wait for the length, which the bare ring does not have.
func sum(b []byte) (sum uint64) {
	for len(b) >= 64 {
		l := (*[64]byte)(b)
		sum += word(l[0:8]) + word(l[8:16]) + word(l[16:24]) + word(l[24:32]) + word(l[32:40]) + word(l[40:48]) + word(l[48:56]) + word(l[56:64])
		b = b[64:]
	}
	for len(b) >= 8 {
		sum += binary.LittleEndian.Uint64(b)
		b = b[8:]
	}
	for i := range b {
		sum += uint64(b[i]) << (8 * i)
	}
	return sum
}

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// summed is the sum of the frame of that size and count.
func summed(size int, count uint64) uint64 {
	switch {
	case size < 8:
		return count & (1<<(8*size) - 1)
	case size < 16:
		return count
	}
	return 2 * count
}

// A checker knows what comes next from each publisher of a topic.
type checker struct {
	size     int
	lossless bool
	last     *source
	all      []*source
	got      uint64
	gaps     uint64 // frames that did not come between others
}

type source struct{ id, next uint64 }

// frame reads a frame and checks that it is whole, and that it is the next one of its publisher.
func (c *checker) frame(f *bus.Frame) error {
	s := c.last
	if s == nil || s.id != f.Publisher() {
		s = c.find(f.Publisher())
	}
	n := f.Sequence()
	if n != s.next {
		if n < s.next || c.lossless {
			return fmt.Errorf("frame %d of publisher %d has come where frame %d should", n, s.id, s.next)
		}
		c.gaps += n - s.next
	}
	s.next = n + 1
	c.got++
	if b := f.Bytes(); len(b) != c.size || sum(b) != summed(c.size, n) {
		return fmt.Errorf("frame %d of publisher %d, %d bytes, is not what was published", n, s.id, len(b))
	}
	return nil
}

func (c *checker) find(id uint64) *source {
	for _, s := range c.all {
		if s.id == id {
			c.last = s
			return s
		}
	}
	c.last = &source{id: id, next: 1}
	c.all = append(c.all, c.last)
	return c.last
}
