package plugins

import "encoding/binary"

// OneMsgpack says whether b is one whole msgpack value. It does not go down into values that lie in one another, but counts how many are
// still to come, so that no depth is too much for it.
func OneMsgpack(b []byte) bool {
	for left := uint64(1); left > 0; left-- {
		if left > uint64(len(b)) { // each takes a byte at least
			return false
		}
		c := b[0]
		b = b[1:]
		skip, values := uint64(0), uint64(0)
		switch {
		case c < 0x80, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3: // small numbers, nil, false, true
		case c < 0x90:
			values = 2 * uint64(c&0x0f)
		case c < 0xa0:
			values = uint64(c & 0x0f)
		case c < 0xc0:
			skip = uint64(c & 0x1f)
		case c == 0xc1:
			return false
		default:
			w := widths[c-0xc4]
			if w.length > len(b) {
				return false
			}
			var n [8]byte
			copy(n[8-w.length:], b[:w.length])
			b = b[w.length:]
			length := binary.BigEndian.Uint64(n[:])
			skip, values = w.fixed+length*w.bytes, length*w.values
		}
		if skip > uint64(len(b)) {
			return false
		}
		b = b[skip:]
		left += values
	}
	return len(b) == 0
}

// widths is what follows the first bytes 0xc4 to 0xdf: a length, and what it is the length of.
var widths = [0xe0 - 0xc4]struct {
	length               int    // bytes of the length
	fixed, bytes, values uint64 // bytes without and for each of the length, values for each of the length
}{
	{1, 0, 1, 0}, {2, 0, 1, 0}, {4, 0, 1, 0}, // bin
	{1, 1, 1, 0}, {2, 1, 1, 0}, {4, 1, 1, 0}, // ext
	{0, 4, 0, 0}, {0, 8, 0, 0}, // float
	{0, 1, 0, 0}, {0, 2, 0, 0}, {0, 4, 0, 0}, {0, 8, 0, 0}, // uint
	{0, 1, 0, 0}, {0, 2, 0, 0}, {0, 4, 0, 0}, {0, 8, 0, 0}, // int
	{0, 2, 0, 0}, {0, 3, 0, 0}, {0, 5, 0, 0}, {0, 9, 0, 0}, {0, 17, 0, 0}, // fixext
	{1, 0, 1, 0}, {2, 0, 1, 0}, {4, 0, 1, 0}, // str
	{2, 0, 0, 1}, {4, 0, 0, 1}, // array
	{2, 0, 0, 2}, {4, 0, 0, 2}, // map
}
