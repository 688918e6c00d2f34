//go:build linux

package peers

import (
	"encoding/binary"
	"fmt"
)

// whoBits is where a message's first word has the publisher's number; its count is below.
const whoBits = 48

// stamp makes b, which was zero or a stamped message of the same size, the message of that word.
func stamp(b []byte, word uint64) {
	binary.LittleEndian.PutUint64(b, word)
	binary.LittleEndian.PutUint64(b[len(b)-8:], word)
}

// sum adds up a message, a line at a time.
func sum(b []byte) (sum uint64) {
	for len(b) >= 64 {
		l := (*[64]byte)(b) // where it lies, which may be anywhere
		for i := 0; i < 64; i += 8 {
			sum += binary.LittleEndian.Uint64(l[i:])
		}
		b = b[64:]
	}
	for len(b) >= 8 {
		sum += binary.LittleEndian.Uint64(b)
		b = b[8:]
	}
	return sum
}

// A checker knows what comes next from each publisher. The zero one waits for the first of all.
type checker struct {
	size int
	next []uint64 // by publisher
}

// message reads all of a message and checks that it is whole, and the next one of its publisher.
func (c *checker) message(b []byte) error {
	if len(b) != c.size {
		return fmt.Errorf("a message of %d bytes has come; they have %d", len(b), c.size)
	}
	word := binary.LittleEndian.Uint64(b)
	who, count := word>>whoBits, word&(1<<whoBits-1)
	if who >= uint64(len(c.next)) {
		return fmt.Errorf("a message of publisher %d has come; there are %d", who, len(c.next))
	}
	if c.next[who]++; count != c.next[who] {
		return fmt.Errorf("message %d of publisher %d has come where %d should", count, who, c.next[who])
	}
	if sum(b) != 2*word {
		return fmt.Errorf("message %d of publisher %d is not what was sent", count, who)
	}
	return nil
}
