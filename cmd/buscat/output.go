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
	"time"

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

// A record is what is printed of a frame.
type record struct {
	topic     string
	position  uint64
	sequence  uint64
	publisher uint64
	time      time.Time // zero if the topic has none
	kind      bus.Kind
	body      []byte

	decoded, decodes bool // value has been looked for, and found
	value            any  // the body, as jq sees it
	values           valueReader
	text             []byte // scratch space: the body as JSON
}

// read makes r what there is to print of f.
func (r *record) read(f *bus.Frame) {
	r.topic, r.position, r.sequence, r.publisher = f.Topic(), f.Position(), f.Sequence(), f.Publisher()
	r.time, r.kind, r.body = f.Time(), f.Kind(), f.Bytes()
	r.decoded, r.value = false, nil
}

// A form is how frames are printed.
type form interface {
	// write writes a record. Errors are about the record; what could not be written is known to w. errNothing: it has written nothing.
	write(w *bufio.Writer, r *record) error
}

// errNothing: a form has nothing to print of a record, and that is no error.
var errNothing = errors.New("nothing to print")

// A sink writes records to standard output. It collects what it is given until its buffer is full or flush is called.
type sink struct {
	w        *bufio.Writer
	form     form
	terminal bool
	coloured bool
}

func newSink(out io.Writer) *sink {
	s := &sink{w: bufio.NewWriterSize(out, 64<<10)}
	if f, ok := out.(*os.File); ok {
		s.terminal = isTerminal(f)
	}
	s.coloured = s.terminal && coloursWanted()
	return s
}

func (s *sink) write(r *record) error {
	if err := s.form.write(s.w, r); err != nil {
		return err
	}
	_, err := s.w.Write(nil) // the first error of all before
	return outputError(err)
}

func (s *sink) flush() error { return outputError(s.w.Flush()) }

// A plainForm prints bodies with something after each of them.
type plainForm struct {
	end      string
	prefix   func(dst []byte, topic string) []byte // before each of them, or nil
	terminal bool                                  // no control bytes, please
	raw      bool                                  // msgpack as it is
	odd      func(r *record, err error)            // told of a msgpack frame that cannot be shown as JSON
	buf      []byte
	escaped  []byte
}

func (p *plainForm) write(w *bufio.Writer, r *record) error {
	b := r.body
	if r.kind == bus.KindMsgpack && !p.raw {
		var err error
		if p.buf, err = appendJSON(p.buf[:0], b); err == nil {
			b = p.buf
		} else {
			p.odd(r, err)
		}
	}
	if p.prefix != nil {
		_, _ = w.Write(p.prefix(w.AvailableBuffer(), r.topic))
	}
	if p.terminal {
		p.escaped = appendEscaped(p.escaped[:0], b)
		b = p.escaped
	}
	_, _ = w.Write(b)
	_, _ = w.WriteString(p.end)
	return nil
}

// A prefixedForm prints bodies with their length before them.
type prefixedForm struct{}

func (prefixedForm) write(w *bufio.Writer, r *record) error {
	if uint64(len(r.body)) > math.MaxUint32 {
		return fmt.Errorf("the frame at position %d of topic %q has %d bytes, too many for a length of 32 bits",
			r.position, r.topic, len(r.body))
	}
	_, _ = w.Write(binary.BigEndian.AppendUint32(w.AvailableBuffer(), uint32(len(r.body))))
	_, _ = w.Write(r.body)
	return nil
}

// writeLine writes a line of text, of which a terminal gets no control bytes.
func writeLine(w *bufio.Writer, b []byte, terminal bool) error {
	if terminal {
		b = appendEscaped(nil, b)
	}
	_, _ = w.Write(b)
	return w.WriteByte('\n')
}
