package bus

import (
	"errors"
	"fmt"
	"math"
)

// A payload is a stranger's. The decoder believes the counts that it reads, and makes room for as many elements before it has seen one: five
// bytes can ask for 64 GiB. So the shape of a value is looked at first.

// maxNesting is how deep arrays and maps may lie in each other: each takes a piece of the decoder's stack.
const maxNesting = 1000

var (
	errShort  = errors.New("not msgpack: it counts more values than its bytes can hold")
	errNested = fmt.Errorf("arrays and maps lie in each other, more than %d deep", maxNesting)
)

// wellFormed checks that the first msgpack value in b lies wholly within it. What an extension has in it is not looked at: it may be
// anything. (Where a Go map is expected the decoder looks for one in there; such a payload does not come about by chance.)
func wellFormed(b []byte) error {
	_, err := skipValue(b, 0)
	return err
}

// tooDeep is an error if Decode would refuse what was encoded because it is nested too deep. There may be more to come.
func tooDeep(b []byte) error {
	if err := wellFormed(b); err == errNested {
		return err
	}
	return nil
}

// skipValue is what follows the first value in b. Each value has at least one byte, so it looks at no more of them than there are bytes.
func skipValue(b []byte, depth int) ([]byte, error) {
	if len(b) == 0 {
		return nil, errShort
	}
	if depth > maxNesting {
		return nil, errNested
	}
	c := b[0]
	b = b[1:]
	size, values := 0, 0 // bytes, and values, that belong to this one
	switch {
	case c <= 0x7f, c >= 0xe0, c >= 0xc0 && c <= 0xc3: // small numbers, nil, booleans
	case c <= 0x8f:
		values = 2 * int(c&0x0f)
	case c <= 0x9f:
		values = int(c & 0x0f)
	case c <= 0xbf:
		size = int(c & 0x1f)
	case c <= 0xc6: // bin
		size, b = count(b, 1<<(c-0xc4))
	case c <= 0xc9: // ext
		size, b = count(b, 1<<(c-0xc7))
		size++
	case c <= 0xcb: // float
		size = 4 << (c - 0xca)
	case c <= 0xcf: // uint
		size = 1 << (c - 0xcc)
	case c <= 0xd3: // int
		size = 1 << (c - 0xd0)
	case c <= 0xd8: // fixext
		size = 1 + 1<<(c-0xd4)
	case c <= 0xdb: // str
		size, b = count(b, 1<<(c-0xd9))
	case c <= 0xdd: // array
		values, b = count(b, 2<<(c-0xdc))
	default: // map
		values, b = count(b, 2<<(c-0xde))
		values *= 2
	}
	if size > len(b) {
		return nil, errShort
	}
	b = b[size:]
	for range values { // each takes a byte, so too many of them end soon; but of a value that is not wholly there yet the depth is seen
		var err error
		if b, err = skipValue(b, depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// count is a big-endian number of so many bytes, and what follows it; more than any payload has if they are not there.
func count(b []byte, width int) (n int, rest []byte) {
	if len(b) < width {
		return math.MaxInt32, b
	}
	for _, x := range b[:width] {
		n = n<<8 | int(x)
	}
	return n, b[width:]
}
