package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"shmbus/bus"
)

// appendMsgpack appends the JSON value in src as msgpack: the counterpart of appendJSON. Objects keep their order, and all their keys.
// Numbers without a fraction or an exponent are integers, in the fewest bytes; those beyond 64 bits, and all others, are floats.
// dst is returned unchanged beside an error.
func appendMsgpack(dst, src []byte) ([]byte, error) {
	if err := checkJSON(src); err != nil {
		return dst, err
	}
	r := &jsonReader{src: src}
	out, err := r.value(dst, 0)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// checkJSON says what is wrong with a text that should be JSON.
func checkJSON(src []byte) error {
	if !utf8.Valid(src) {
		return errors.New("invalid JSON: it is not UTF-8")
	}
	if json.Valid(src) { // this is quick, and Unmarshal knows what is wrong
		return nil
	}
	// At the end of a text the parser tries a space, and would tell of it. What is right up to a zero, which is right nowhere, ends too early.
	var v json.RawMessage
	err := json.Unmarshal(append(slices.Clip(src), 0), &v)
	var syntax *json.SyntaxError
	switch {
	case !errors.As(err, &syntax) || syntax.Offset < 1:
		return fmt.Errorf("invalid JSON: %w", err)
	case syntax.Offset > int64(len(src)):
		return errors.New("invalid JSON: unexpected end of JSON input")
	}
	return fmt.Errorf("invalid JSON: %w (byte %d)", err, syntax.Offset)
}

// A jsonReader reads JSON that is known to be valid.
type jsonReader struct {
	src []byte
	at  int
}

// peek steps over white space and is the next byte.
func (r *jsonReader) peek() byte {
	for {
		switch c := r.src[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
}

// value reads a value that lies in so many arrays and objects.
func (r *jsonReader) value(dst []byte, depth int) ([]byte, error) {
	switch r.peek() {
	case '{':
		return r.members(dst, depth, '}', [3]byte{0x80, 0xde, 0xdf})
	case '[':
		return r.members(dst, depth, ']', [3]byte{0x90, 0xdc, 0xdd})
	case '"':
		return r.text(dst)
	case 't':
		r.at += len("true")
		return append(dst, 0xc3), nil
	case 'f':
		r.at += len("false")
		return append(dst, 0xc2), nil
	case 'n':
		r.at += len("null")
		return append(dst, 0xc0), nil
	}
	return r.number(dst)
}

// members reads an object or an array. How many members there are is known at the end: then the head grows if it must.
func (r *jsonReader) members(dst []byte, depth int, end byte, heads [3]byte) ([]byte, error) {
	if depth == bus.MaxNesting {
		return dst, fmt.Errorf("arrays and objects lie more than %d deep in one another", bus.MaxNesting)
	}
	r.at++
	start, n := len(dst), 0
	dst = append(dst, heads[0])
	for r.peek() != end {
		if r.src[r.at] == ',' {
			r.at++
		}
		var err error
		if end == '}' {
			r.peek()
			if dst, err = r.text(dst); err != nil {
				return dst, err
			}
			r.peek() // the colon
			r.at++
		}
		if dst, err = r.value(dst, depth+1); err != nil {
			return dst, err
		}
		n++
	}
	r.at++
	switch {
	case n < 16:
		dst[start] |= byte(n)
	case n <= math.MaxUint16:
		dst = append(dst, 0, 0)
		copy(dst[start+3:], dst[start+1:])
		dst[start] = heads[1]
		binary.BigEndian.PutUint16(dst[start+1:], uint16(n))
	default:
		dst = append(dst, 0, 0, 0, 0)
		copy(dst[start+5:], dst[start+1:])
		dst[start] = heads[2]
		binary.BigEndian.PutUint32(dst[start+1:], uint32(n))
	}
	return dst, nil
}

func (r *jsonReader) text(dst []byte) ([]byte, error) {
	start, plain := r.at, true
	for r.at++; r.src[r.at] != '"'; r.at++ {
		if r.src[r.at] == '\\' {
			plain = false
			r.at++
		}
	}
	r.at++
	if plain {
		s := r.src[start+1 : r.at-1]
		return append(appendTextHead(dst, len(s)), s...), nil
	}
	var s string
	if err := json.Unmarshal(r.src[start:r.at], &s); err != nil {
		return dst, fmt.Errorf("invalid JSON: %w", err)
	}
	return append(appendTextHead(dst, len(s)), s...), nil
}

func appendTextHead(dst []byte, n int) []byte {
	switch {
	case n < 32:
		return append(dst, 0xa0|byte(n))
	case n <= math.MaxUint8:
		return append(dst, 0xd9, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
}

func (r *jsonReader) number(dst []byte) ([]byte, error) {
	start, whole := r.at, true
	for ; r.at < len(r.src); r.at++ {
		c := r.src[r.at]
		if c == '.' || c == 'e' || c == 'E' {
			whole = false
		} else if (c < '0' || c > '9') && c != '-' && c != '+' {
			break
		}
	}
	text := string(r.src[start:r.at])
	if whole && text != "-0" { // which is a float: integers have one zero
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return appendInt(dst, i), nil
		}
		if u, err := strconv.ParseUint(text, 10, 64); err == nil {
			return binary.BigEndian.AppendUint64(append(dst, 0xcf), u), nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return dst, fmt.Errorf("the number %.40s is too large for a float", text)
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(f)), nil
}

// appendInt writes an integer in the fewest bytes.
func appendInt(dst []byte, i int64) []byte {
	switch {
	case i >= -32 && i <= math.MaxInt8:
		return append(dst, byte(i))
	case i >= 0 && i <= math.MaxUint8:
		return append(dst, 0xcc, byte(i))
	case i >= 0 && i <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(i))
	case i >= 0 && i <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(i))
	case i >= 0:
		return binary.BigEndian.AppendUint64(append(dst, 0xcf), uint64(i))
	case i >= math.MinInt8:
		return append(dst, 0xd0, byte(i))
	case i >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(i))
	case i >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(i))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(i))
}
