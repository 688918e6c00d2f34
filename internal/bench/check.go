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
	binary.NativeEndian.PutUint64(b, count)
	binary.NativeEndian.PutUint64(b[(len(b)-8)&^7:], count)
}

// Fill makes b, which may hold anything, the frame of that count, and Whole reads all of b and says whether it is that. They are for what is no
// bus and has to do the same with a message.
func Fill(b []byte, count uint64) {
	clear(b)
	stamp(b, count)
}

// Whole is the other end of Fill. b must be aligned as frames are.
func Whole(b []byte, count uint64) bool { return sum(b) == summed(len(b), count) }

// sum adds up a frame. The words of a line lie at fixed places of an array: with the frame's length in a slice expression the address of
// each load would wait for the length, which the bare ring does not have.
func sum(b []byte) (sum uint64) {
	for len(b) >= 64 {
		sum += lineOf(b).sum()
		b = b[64:]
	}
	for len(b) >= 8 {
		sum += binary.NativeEndian.Uint64(b)
		b = b[8:]
	}
	for i := range b {
		sum += uint64(b[i]) << (8 * i)
	}
	return sum
}

// words are the words of a line.
type words [8]uint64

func (w *words) sum() uint64 { return w[0] + w[1] + w[2] + w[3] + w[4] + w[5] + w[6] + w[7] }

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

// due and whole are frame for a frame of one line that is as it should be, in parts that are no calls: what a call costs would be counted as the
// bus's, and the bare ring has none. Who has asked both with true adds 1 to last.next.
func (c *checker) due(publisher, n uint64) bool {
	s := c.last
	return s.next == n && s.id == publisher && c.size == 64
}

func whole(b []byte, n uint64) bool { return len(b) == 64 && lineOf(b).sum() == 2*n }

// frame reads a frame and checks that it is whole, and that it is the next one of its publisher. Who asks counts it.
func (c *checker) frame(f *bus.Frame) error { return c.take(f.Publisher(), f.Sequence(), f.Bytes()) }

// take is frame for frame n of a publisher, with payload b.
func (c *checker) take(publisher, n uint64, b []byte) error {
	s := c.last
	if s.id != publisher {
		s = c.find(publisher)
	}
	if n != s.next {
		if err := c.missed(s, n); err != nil {
			return err
		}
	}
	s.next = n + 1
	if len(b) != c.size || sum(b) != summed(c.size, n) {
		return fmt.Errorf("frame %d of publisher %d, %d bytes, is not what was published", n, publisher, len(b))
	}
	return nil
}

// missed counts what did not come before frame n.
func (c *checker) missed(s *source, n uint64) error {
	if n < s.next || c.lossless {
		return fmt.Errorf("frame %d of publisher %d has come where frame %d should", n, s.id, s.next)
	}
	c.gaps += n - s.next
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
