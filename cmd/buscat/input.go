package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A splitter cuts input into frames.
type splitter interface {
	// next is the first frame in data, and how many bytes of data it takes up; 0 if more has to be read. At the end of the
	// input nothing more comes.
	next(data []byte, atEnd bool) (frame []byte, used int, err error)
}

// A tooLongError is about a frame that the topic cannot take.
type tooLongError struct{ text string }

func (e *tooLongError) Error() string { return e.text }

func tooLong(format string, args ...any) error {
	return &tooLongError{fmt.Sprintf(format, args...)}
}

// lines is a splitter: each line is a frame.
type lines struct {
	max    int
	number int // of the line before
	looked int // bytes that were searched in vain
}

func (l *lines) next(data []byte, atEnd bool) ([]byte, int, error) {
	n := bytes.IndexByte(data[l.looked:], '\n')
	switch {
	case n >= 0:
		n += l.looked
	case len(data) > l.max:
		return nil, 0, tooLong("line %d has more than %d bytes, the most", l.number+1, l.max)
	case atEnd && len(data) > 0:
		n = len(data)
	default:
		l.looked = len(data)
		return nil, 0, nil
	}
	if n > l.max {
		return nil, 0, tooLong("line %d has %d bytes, more than the %d", l.number+1, n, l.max)
	}
	l.number++
	l.looked = 0
	return data[:n], min(n+1, len(data)), nil
}

// prefixed is a splitter: each frame comes after its length, 4 bytes, big endian.
type prefixed struct {
	max    int
	number int // of the frame before
}

func (p *prefixed) next(data []byte, atEnd bool) ([]byte, int, error) {
	const head = 4
	switch {
	case len(data) == 0:
		return nil, 0, nil
	case len(data) < head:
		if atEnd {
			return nil, 0, fmt.Errorf("the input ends within the length of frame %d: %d of %d bytes", p.number+1, len(data), head)
		}
		return nil, 0, nil
	}
	n := uint64(binary.BigEndian.Uint32(data))
	switch {
	case n > uint64(p.max):
		return nil, 0, tooLong("frame %d of the input has %d bytes, more than the %d", p.number+1, n, p.max)
	case n <= uint64(len(data)-head):
		p.number++
		return data[head : head+n], head + int(n), nil
	case atEnd:
		return nil, 0, fmt.Errorf("the input ends within frame %d: %d of %d bytes", p.number+1, len(data)-head, n)
	}
	return nil, 0, nil
}

const (
	inputBuffers = 3
	inputBuffer  = 128 << 10
	inputRoom    = 4 << 10 // at least so much is read at once
)

// A batch is the frames of one read of the input.
type batch struct {
	buf    []byte
	frames [][]byte // alias buf
	err    error    // what comes after the frames; io.EOF at the end
}

// An input reads frames on a goroutine of its own, so that the next ones are read while the last are published, and so that a
// read that waits holds nothing up. Whatever one read brings is handed on at once.
type input struct {
	full chan *batch
	free chan *batch
}

func newInput(r io.Reader, s splitter) *input {
	in := &input{make(chan *batch, inputBuffers), make(chan *batch, inputBuffers)}
	for range inputBuffers {
		in.free <- &batch{buf: make([]byte, 0, inputBuffer)}
	}
	go in.read(r, s)
	return in
}

// close ends the goroutine, after the read it is in.
func (in *input) close() { close(in.free) }

func (in *input) read(r io.Reader, s splitter) {
	defer close(in.full)
	var rest []byte // aliases the batch before
	for b := range in.free {
		b.buf = append(b.buf[:0], rest...)
		b.frames, b.err = b.frames[:0], nil
		for len(b.frames) == 0 && b.err == nil {
			if cap(b.buf)-len(b.buf) < inputRoom {
				b.buf = slices.Grow(b.buf, max(inputBuffer, len(b.buf)))
			}
			n, err := r.Read(b.buf[len(b.buf):cap(b.buf)])
			b.buf = b.buf[:len(b.buf)+n]
			if err != nil && err != io.EOF {
				err = fmt.Errorf("reading the input: %w", err)
			}
			rest = b.split(s, err)
		}
		in.full <- b
		if b.err != nil {
			return
		}
	}
}

// split cuts what is there into frames, and returns the rest. err is that of the last read.
func (b *batch) split(s splitter, err error) []byte {
	data := b.buf
	for {
		frame, used, e := s.next(data, errors.Is(err, io.EOF))
		if used == 0 || e != nil {
			if b.err = err; e != nil {
				b.err = e
			}
			return data
		}
		b.frames = append(b.frames, frame)
		data = data[used:]
	}
}
