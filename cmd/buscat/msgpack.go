package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"shmbus/bus"
)

// Why a frame that is marked msgpack is not shown as JSON: it is ...
var (
	errMsgpack = errors.New("not one whole msgpack value")
	errNested  = fmt.Errorf("nested more than %d deep", bus.MaxNesting)
)

// appendJSON appends the msgpack value in src as JSON on one line. Maps keep their order. What JSON has no word for:
//
//	bytes         base64, as a string
//	NaN and ±Inf  "NaN", "+Inf", "-Inf"
//	time          RFC 3339, as a string
//	extensions    {"ext":TYPE,"data":"base64"}
//	other keys    their JSON text, as a string
//
// dst is returned unchanged beside an error.
func appendJSON(dst, src []byte) ([]byte, error) {
	out, rest, err := appendValue(dst, src, 0)
	if err == nil && len(rest) > 0 {
		err = errMsgpack
	}
	if err != nil {
		return dst, err
	}
	return out, nil
}

func appendValue(dst, src []byte, depth int) (out, rest []byte, err error) {
	if len(src) == 0 {
		return dst, src, errMsgpack
	}
	c, src := src[0], src[1:]
	switch {
	case c < 0x80:
		return strconv.AppendInt(dst, int64(c), 10), src, nil
	case c < 0x90:
		return appendMap(dst, src, uint64(c&0x0f), depth)
	case c < 0xa0:
		return appendArray(dst, src, uint64(c&0x0f), depth)
	case c < 0xc0:
		return appendBlob(dst, src, uint64(c&0x1f), appendString)
	case c >= 0xe0:
		return strconv.AppendInt(dst, int64(int8(c)), 10), src, nil
	}
	switch c {
	case 0xc0:
		return append(dst, "null"...), src, nil
	case 0xc2:
		return append(dst, "false"...), src, nil
	case 0xc3:
		return append(dst, "true"...), src, nil
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8: // fixext: 1, 2, 4, 8, 16 bytes
		return appendExt(dst, src, 1<<(c-0xd4))
	}
	width, ok := widths[c]
	if !ok || len(src) < width {
		return dst, src, errMsgpack
	}
	n := uint64(0)
	for _, b := range src[:width] {
		n = n<<8 | uint64(b)
	}
	src = src[width:]
	switch c {
	case 0xca:
		return appendFloat(dst, float64(math.Float32frombits(uint32(n))), 32), src, nil
	case 0xcb:
		return appendFloat(dst, math.Float64frombits(n), 64), src, nil
	case 0xcc, 0xcd, 0xce, 0xcf:
		return strconv.AppendUint(dst, n, 10), src, nil
	case 0xd0, 0xd1, 0xd2, 0xd3:
		shift := 64 - 8*width
		return strconv.AppendInt(dst, int64(n<<shift)>>shift, 10), src, nil
	case 0xc4, 0xc5, 0xc6:
		return appendBlob(dst, src, n, appendBase64)
	case 0xd9, 0xda, 0xdb:
		return appendBlob(dst, src, n, appendString)
	case 0xdc, 0xdd:
		return appendArray(dst, src, n, depth)
	case 0xde, 0xdf:
		return appendMap(dst, src, n, depth)
	default: // 0xc7, 0xc8, 0xc9
		return appendExt(dst, src, n)
	}
}

// widths is how many bytes of a number or a length follow a format byte.
var widths = map[byte]int{
	0xc4: 1, 0xc5: 2, 0xc6: 4, // bin
	0xc7: 1, 0xc8: 2, 0xc9: 4, // ext
	0xca: 4, 0xcb: 8, // float
	0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8, // uint
	0xd0: 1, 0xd1: 2, 0xd2: 4, 0xd3: 8, // int
	0xd9: 1, 0xda: 2, 0xdb: 4, // str
	0xdc: 2, 0xdd: 4, // array
	0xde: 2, 0xdf: 4, // map
}

func appendArray(dst, src []byte, n uint64, depth int) ([]byte, []byte, error) {
	if depth == bus.MaxNesting {
		return dst, src, errNested
	}
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, src, err = appendValue(dst, src, depth+1); err != nil {
			return dst, src, err
		}
	}
	return append(dst, ']'), src, nil
}

func appendMap(dst, src []byte, n uint64, depth int) ([]byte, []byte, error) {
	if depth == bus.MaxNesting {
		return dst, src, errNested
	}
	dst = append(dst, '{')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		start := len(dst)
		if dst, src, err = appendValue(dst, src, depth+1); err != nil {
			return dst, src, err
		}
		if key := dst[start:]; key[0] != '"' {
			key = append([]byte(nil), key...)
			dst = appendString(dst[:start], key)
		}
		dst = append(dst, ':')
		if dst, src, err = appendValue(dst, src, depth+1); err != nil {
			return dst, src, err
		}
	}
	return append(dst, '}'), src, nil
}

func appendBlob(dst, src []byte, n uint64, appendIt func(dst, b []byte) []byte) ([]byte, []byte, error) {
	if n > uint64(len(src)) {
		return dst, src, errMsgpack
	}
	return appendIt(dst, src[:n]), src[n:], nil
}

func appendExt(dst, src []byte, n uint64) ([]byte, []byte, error) {
	if n+1 > uint64(len(src)) {
		return dst, src, errMsgpack
	}
	kind, data, src := int8(src[0]), src[1:n+1], src[n+1:]
	if kind == -1 {
		if t, ok := timestamp(data); ok {
			dst = append(dst, '"')
			dst = t.AppendFormat(dst, time.RFC3339Nano)
			return append(dst, '"'), src, nil
		}
	}
	dst = append(dst, `{"ext":`...)
	dst = strconv.AppendInt(dst, int64(kind), 10)
	dst = append(dst, `,"data":`...)
	dst = appendBase64(dst, data)
	return append(dst, '}'), src, nil
}

// timestamp is msgpack's extension -1, in its three sizes.
func timestamp(b []byte) (time.Time, bool) {
	var sec, nsec int64
	switch len(b) {
	case 4:
		sec = int64(binary.BigEndian.Uint32(b))
	case 8:
		v := binary.BigEndian.Uint64(b)
		sec, nsec = int64(v&(1<<34-1)), int64(v>>34)
	case 12:
		sec, nsec = int64(binary.BigEndian.Uint64(b[4:])), int64(binary.BigEndian.Uint32(b))
	default:
		return time.Time{}, false
	}
	t := time.Unix(sec, nsec).UTC()
	return t, nsec < 1e9 && t.Year() >= 0 && t.Year() <= 9999
}

func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

// appendFloat writes a float as encoding/json does.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"+Inf"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Inf"`...)
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, bits)
}

// appendString writes a JSON string. What is no UTF-8 becomes U+FFFD.
func appendString(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for len(s) > 0 {
		c := s[0]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(s)
			switch {
			case r == utf8.RuneError && n == 1:
				dst = append(dst, `\ufffd`...)
			case r == '\u2028' || r == '\u2029':
				dst = append(dst, `\u202`...)
				dst = append(dst, hex[r&15])
			default:
				dst = append(dst, s[:n]...)
			}
			s = s[n:]
			continue
		}
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ' || c == 0x7f:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
		s = s[1:]
	}
	return append(dst, '"')
}
