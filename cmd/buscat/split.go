package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// A cut says what a splitter has found.
type cut int

const (
	needMore   cut = iota // nothing whole: more has to be read. At the end of the input, that was all
	oneFrame              // a frame
	noFrame               // bytes of a frame that was refused before
	oneRefused            // a frame that cannot be: the error says why, and it goes on behind it
)

// A splitter cuts input into frames.
type splitter interface {
	// next looks at the first bytes of data, and says what they are and how many. An error beside needMore ends the input.
	next(data []byte, atEnd bool) (found cut, frame []byte, used int, err error)
	// what is the name of the frame that next found last, for messages.
	what() string
}

// A tooLongError is about a frame that the topic cannot take.
type tooLongError struct{ text string }

func (e *tooLongError) Error() string { return e.text }

func tooLong(format string, args ...any) error {
	return &tooLongError{fmt.Sprintf(format, args...)}
}

// delimited is a splitter: each frame ends with a delimiter, the last one perhaps without.
type delimited struct {
	delimiter []byte
	unit      string // "line", say
	max       int
	number    int  // of the frame before
	looked    int  // bytes that were searched in vain
	tooLong   bool // in a frame that has been refused
}

func newLines(max int) *delimited {
	return &delimited{delimiter: []byte{'\n'}, unit: "line", max: max}
}

func (d *delimited) what() string { return fmt.Sprintf("%s %d", d.unit, d.number) }

func (d *delimited) next(data []byte, atEnd bool) (cut, []byte, int, error) {
	end, used := bytes.Index(data[d.looked:], d.delimiter), 0
	switch {
	case end >= 0:
		end += d.looked
		used = end + len(d.delimiter)
	case atEnd && len(data) > 0:
		end, used = len(data), len(data)
	case d.tooLong:
		// A delimiter may have begun.
		if used = len(data) - len(d.delimiter) + 1; used > 0 {
			return noFrame, nil, used, nil
		}
		return needMore, nil, 0, nil
	case len(data) > d.max+len(d.delimiter)-1:
		d.number++
		d.looked, d.tooLong = 0, true
		return oneRefused, nil, len(data) - len(d.delimiter) + 1, tooLong("%s has more than %d bytes, the most", d.what(), d.max)
	default:
		d.looked = max(0, len(data)-len(d.delimiter)+1)
		return needMore, nil, 0, nil
	}
	d.looked = 0
	if d.tooLong {
		d.tooLong = false
		return noFrame, nil, used, nil
	}
	d.number++
	if end > d.max {
		return oneRefused, nil, used, tooLong("%s has %d bytes, more than the %d", d.what(), end, d.max)
	}
	return oneFrame, data[:end], used, nil
}

// parseDelimiter reads the --delimiter flag: text with Go's escapes.
func parseDelimiter(s string) ([]byte, error) {
	if s == "" {
		return nil, errors.New("it is empty")
	}
	var b []byte
	for s != "" {
		r, multibyte, rest, err := strconv.UnquoteChar(s, 0)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is no escape of Go's; those are \\n, \\t, \\\\, \\x00, \\u00e4 and the like", s)
		case multibyte:
			b = append(b, string(r)...)
		default:
			b = append(b, byte(r))
		}
		s = rest
	}
	return b, nil
}

// prefixed is a splitter: each frame comes after its length, 4 bytes, big endian.
type prefixed struct {
	max    int
	number int    // of the frame before
	skip   uint64 // bytes that are left of a frame that has been refused
}

func (p *prefixed) what() string { return fmt.Sprintf("frame %d", p.number) }

func (p *prefixed) next(data []byte, atEnd bool) (cut, []byte, int, error) {
	const head = 4
	switch {
	case len(data) == 0 && (p.skip == 0 || !atEnd):
		return needMore, nil, 0, nil
	case len(data) == 0:
		return needMore, nil, 0, fmt.Errorf("the input ends within frame %d: %d bytes are missing", p.number, p.skip)
	case p.skip > 0:
		n := min(p.skip, uint64(len(data)))
		p.skip -= n
		return noFrame, nil, int(n), nil
	case len(data) < head:
		if atEnd {
			return needMore, nil, 0, fmt.Errorf("the input ends within the length of frame %d: %d of %d bytes", p.number+1, len(data), head)
		}
		return needMore, nil, 0, nil
	}
	n := uint64(binary.BigEndian.Uint32(data))
	switch {
	case n > uint64(p.max):
		p.number++
		p.skip = n
		return oneRefused, nil, head, tooLong("frame %d of the input has %d bytes, more than the %d", p.number, n, p.max)
	case n <= uint64(len(data)-head):
		p.number++
		return oneFrame, data[head : head+n], head + int(n), nil
	case atEnd:
		return needMore, nil, 0, fmt.Errorf("the input ends within frame %d: %d of %d bytes", p.number+1, len(data)-head, n)
	}
	return needMore, nil, 0, nil
}

// whole is a splitter: the input is one frame, also if it is empty.
type whole struct {
	max     int
	refused bool
	done    bool
}

func (w *whole) what() string { return "the input" }

func (w *whole) next(data []byte, atEnd bool) (cut, []byte, int, error) {
	switch {
	case w.refused && len(data) > 0:
		return noFrame, nil, len(data), nil
	case w.refused, w.done:
		return needMore, nil, 0, nil
	case len(data) > w.max:
		w.refused = true
		return oneRefused, nil, len(data), tooLong("the input has more than %d bytes, the most", w.max)
	case atEnd:
		w.done = true
		return oneFrame, data, len(data), nil
	}
	return needMore, nil, 0, nil
}
