package main

import (
	"io"
	"slices"
)

const (
	inputBuffers = 3
	inputBuffer  = 128 << 10
	inputRoom    = 4 << 10 // at least so much is read at once
)

// A batch is the frames of one read of the input.
type batch struct {
	buf     []byte
	frames  [][]byte // alias buf or packed
	packed  []byte   // what frames were converted to
	refused []error  // what could not be published
	err     error    // what comes after the frames; io.EOF at the end
	strict  bool     // what is refused ends the input
}

// refuse notes that something cannot be published.
func (b *batch) refuse(err error) {
	if b.strict {
		b.err = err
	} else {
		b.refused = append(b.refused, err)
	}
}

func (b *batch) empty() bool { return len(b.frames) == 0 && len(b.refused) == 0 && b.err == nil }

func (b *batch) reset() {
	b.buf, b.frames, b.packed, b.refused, b.err = b.buf[:0], b.frames[:0], b.packed[:0], nil, nil
}

// grow makes room for a read.
func (b *batch) grow() {
	if cap(b.buf)-len(b.buf) < inputRoom {
		b.buf = slices.Grow(b.buf, max(inputBuffer, len(b.buf)))
	}
}

// A source is where frames come from.
type source interface {
	// fill reads something into a batch that has been reset. It leaves the batch before alone from then on.
	fill(b *batch)
	// rewind makes it begin again, after io.EOF. What it has refused before it leaves away then.
	rewind() error
}

// An input reads frames on a goroutine of its own, so that the next ones are read while the last are published, and so that a
// read that waits holds nothing up. Whatever one read brings is handed on at once.
type input struct {
	full chan *batch
	free chan *batch
}

func newInput(s source, strict bool) *input {
	in := &input{make(chan *batch, inputBuffers), make(chan *batch, inputBuffers)}
	for range inputBuffers {
		in.free <- &batch{buf: make([]byte, 0, inputBuffer), strict: strict}
	}
	go in.read(s)
	return in
}

// close ends the goroutine, after the read it is in.
func (in *input) close() { close(in.free) }

func (in *input) read(s source) {
	defer close(in.full)
	for b := range in.free {
		b.reset()
		s.fill(b)
		in.full <- b
		if b.err != nil {
			return
		}
	}
}

// repeated is a source that brings another one's frames several times.
type repeated struct {
	source
	left int  // rounds after this one; below 0: for ever
	any  bool // there were frames in this round: else it would look for ever for what to repeat
}

// newRepeated makes a source go round n times, or for ever if n is 0. A round without frames is the last.
func newRepeated(s source, n int) source {
	return &repeated{source: s, left: n - 1}
}

func (r *repeated) fill(b *batch) {
	for {
		r.source.fill(b)
		r.any = r.any || len(b.frames) > 0
		if b.err == io.EOF && r.left != 0 && r.any {
			r.left--
			r.any = false
			b.err = r.rewind()
		}
		if !b.empty() {
			return
		}
		b.reset()
	}
}
