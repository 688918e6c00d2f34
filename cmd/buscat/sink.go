package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"syscall"

	"shmbus/bus"
)

// errOutputClosed: nobody reads standard output any more. It ends buscat, and is no error.
var errOutputClosed = errors.New("standard output is closed")

// outputError says what an error of writing to standard output means.
func outputError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return errOutputClosed
	}
	return fmt.Errorf("writing the output: %w", err)
}

// A sink writes frames to standard output, one line each or with their length before them. It collects what it is given until
// its buffer is full or flush is called.
type sink struct {
	w        *bufio.Writer
	terminal bool
	raw      bool // msgpack as it is
	prefixed bool
	odd      func(pos uint64) // told of a msgpack frame that is none
	json     []byte
	escaped  []byte
}

func newSink(out io.Writer) *sink {
	s := &sink{w: bufio.NewWriterSize(out, 64<<10), odd: func(uint64) {}}
	if f, ok := out.(*os.File); ok {
		s.terminal = isTerminal(f)
	}
	return s
}

// frame writes one frame.
func (s *sink) frame(f *bus.Frame) error {
	b := f.Bytes()
	if s.prefixed {
		if uint64(len(b)) > math.MaxUint32 {
			return fmt.Errorf("the frame at position %d has %d bytes, too many for a length of 32 bits", f.Position(), len(b))
		}
		// What cannot be written is reported by the last Write.
		_, _ = s.w.Write(binary.BigEndian.AppendUint32(s.w.AvailableBuffer(), uint32(len(b))))
		_, err := s.w.Write(b)
		return outputError(err)
	}
	if !s.raw && f.Kind() == bus.KindMsgpack {
		var err error
		if s.json, err = appendJSON(s.json[:0], b); err == nil {
			b = s.json
		} else {
			s.odd(f.Position())
		}
	}
	if s.terminal {
		s.escaped = appendEscaped(s.escaped[:0], b)
		b = s.escaped
	}
	_, _ = s.w.Write(b)
	return outputError(s.w.WriteByte('\n'))
}

func (s *sink) flush() error { return outputError(s.w.Flush()) }
