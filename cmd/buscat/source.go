package main

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"os"
	"slices"
)

// A convert turns a frame into another, which it appends to dst.
type convert func(dst, frame []byte) ([]byte, error)

// Pieces are a source: frames that follow each other in one reader.
type pieces struct {
	r       io.Reader
	cut     func() splitter // a new one
	convert convert         // nil: frames stay as they are
	max     int             // bytes in a converted frame
	keep    *keeper         // nil: it cannot be read again

	s     splitter
	rest  []byte // aliases the batch before
	again bool   // this is not the first round
	told  map[uint64]bool
}

func (s *pieces) rewind() error {
	s.s, s.rest, s.again = s.cut(), nil, true
	r, err := s.keep.again()
	s.r = r
	return err
}

func (s *pieces) fill(b *batch) {
	b.buf = append(b.buf, s.rest...)
	for b.empty() {
		b.grow()
		n, err := s.r.Read(b.buf[len(b.buf):cap(b.buf)])
		b.buf = b.buf[:len(b.buf)+n]
		if err != nil && err != io.EOF {
			err = fmt.Errorf("reading the input: %w", err)
		}
		s.rest = s.split(b, err)
		b.refused = s.news(b.refused)
		if b.empty() && len(s.rest) < len(b.buf) { // of a frame that was refused
			b.buf = append(b.buf[:0], s.rest...)
		}
	}
}

// news is those of the errors that the user has not been told of in an earlier round. What is kept is refused as before; in a file that is
// read again there may be something else by now. Of what is told only the hashes are kept, as every line may be refused.
func (s *pieces) news(refused []error) []error {
	switch {
	case s.keep == nil:
		return refused
	case s.keep.file == nil && s.again:
		return nil
	case s.keep.file == nil:
		return refused
	}
	return slices.DeleteFunc(refused, func(err error) bool {
		key := maphash.String(toldSeed, err.Error())
		if s.told[key] {
			return true
		}
		if s.told == nil {
			s.told = make(map[uint64]bool)
		}
		s.told[key] = true
		return false
	})
}

var toldSeed = maphash.MakeSeed()

// split cuts what is there into frames, and returns the rest. err is that of the last read.
func (s *pieces) split(b *batch, err error) []byte {
	data, atEnd := b.buf, err == io.EOF
	for {
		found, frame, used, e := s.s.next(data, atEnd)
		switch found {
		case needMore:
			if b.err = err; e != nil {
				b.err = e
			}
			return data
		case oneRefused:
			b.refuse(e)
		case oneFrame:
			if s.convert != nil {
				b.add(frame, s.convert, s.max, s.s.what())
			} else {
				b.frames = append(b.frames, frame)
			}
		}
		data = data[used:]
		if b.err != nil {
			return data
		}
	}
}

// add converts a frame and adds it.
func (b *batch) add(frame []byte, to convert, most int, what string) {
	start := len(b.packed)
	packed, err := to(b.packed, frame)
	if err != nil {
		b.refuse(fmt.Errorf("%s: %w", what, err))
		return
	}
	if n := len(packed) - start; n > most {
		b.refuse(tooLong("%s has %d bytes as msgpack, more than the %d", what, n, most))
		return
	}
	b.packed = packed
	b.frames = append(b.frames, packed[start:len(packed):len(packed)])
}

// source is where the frames come from, of at most so many bytes.
func (o *pubOptions) source(in io.Reader, names []string, most int) source {
	var to convert
	limit := most // of a frame before it is converted
	if o.msgpack {
		to = appendMsgpack
		limit = 8*most + 64<<10 // JSON is longer than msgpack, also with escapes and some white space
	}
	if len(names) > 0 {
		f := &files{names: names, convert: to, max: most, most: limit, twice: o.repeat != 1}
		return o.again(f)
	}
	s := &pieces{r: in, convert: to, max: most}
	switch {
	case o.null:
		s.cut = func() splitter { return &delimited{delimiter: []byte{0}, unit: "frame", max: limit} }
	case o.delimiter != "":
		delimiter, _ := parseDelimiter(o.delimiter) // has been checked
		s.cut = func() splitter { return &delimited{delimiter: delimiter, unit: "frame", max: limit} }
	case o.prefixed:
		s.cut = func() splitter { return &prefixed{max: limit} }
	case o.whole:
		s.cut = func() splitter { return &whole{max: limit} }
	default:
		s.cut = func() splitter { return newLines(limit) }
	}
	s.s = s.cut()
	if o.repeat != 1 {
		s.keep, s.r = newKeeper(in, keepMost)
	}
	return o.again(s)
}

// again is a source that repeats s as often as was asked for.
func (o *pubOptions) again(s source) source {
	if o.repeat == 1 {
		return s
	}
	return newRepeated(s, o.repeat)
}

// keepMost is how many bytes of an input that cannot be read twice are kept to be repeated.
const keepMost = 256 << 20

// A keeper makes a reader readable again: by going back in a file, or else by keeping what comes.
type keeper struct {
	file  *os.File
	start int64
	most  int // bytes that are kept
	kept  bytes.Buffer
}

// newKeeper is the keeper for r, and the reader to use instead of r. It keeps at most so many bytes.
func newKeeper(r io.Reader, most int) (*keeper, io.Reader) {
	if f, ok := r.(*os.File); ok {
		info, err := f.Stat()
		if err == nil && info.Mode().IsRegular() {
			if at, err := f.Seek(0, io.SeekCurrent); err == nil {
				return &keeper{file: f, start: at}, r
			}
		}
	}
	k := &keeper{most: most}
	return k, io.TeeReader(r, k)
}

// Write keeps b.
func (k *keeper) Write(b []byte) (int, error) {
	if k.kept.Len()+len(b) > k.most {
		return 0, fmt.Errorf("it has more than the %s that --repeat keeps of a pipe; give it as a file, with '<'", size(k.most))
	}
	return k.kept.Write(b)
}

// again is a reader for all of it once more.
func (k *keeper) again() (io.Reader, error) {
	if k.file == nil {
		return bytes.NewReader(k.kept.Bytes()), nil
	}
	if _, err := k.file.Seek(k.start, io.SeekStart); err != nil {
		return nil, fmt.Errorf("reading the input again: %w", err)
	}
	return k.file, nil
}

// files is a source: each file is a frame.
type files struct {
	names   []string
	convert convert
	max     int  // bytes in a frame
	most    int  // bytes in a file
	twice   bool // they will be read again
	next    int
	told    map[int]bool // which of the names the user has been told of
}

func (f *files) rewind() error {
	f.next = 0
	return nil
}

func (f *files) fill(b *batch) {
	if f.next == len(f.names) {
		b.err = io.EOF
		return
	}
	f.read(b, f.names[f.next])
	if len(b.refused) > 0 && f.told[f.next] {
		b.refused = nil
	} else if len(b.refused) > 0 {
		if f.told == nil {
			f.told = make(map[int]bool)
		}
		f.told[f.next] = true
	}
	f.next++
}

// read makes a frame of a file.
func (f *files) read(b *batch, name string) {
	if err := b.readFile(name, f.most, f.twice); err != nil {
		b.refuse(err)
		return
	}
	if f.convert != nil {
		b.add(b.buf, f.convert, f.max, "file "+name)
		return
	}
	b.frames = append(b.frames, b.buf)
}

// readFile reads a file of at most so many bytes.
func (b *batch) readFile(name string, most int, twice bool) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("the file cannot be read: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("the file cannot be read: %w", err)
	case info.Mode().IsRegular() && info.Size() > int64(most):
		return tooLong("file %s has %d bytes, more than the %d", name, info.Size(), most)
	case twice && !info.Mode().IsRegular():
		return fmt.Errorf("file %s is no regular file and cannot be read again, as --repeat has to", name)
	}
	r := io.LimitReader(f, int64(min(most, math.MaxInt-1))+1)
	for {
		b.grow()
		n, err := r.Read(b.buf[len(b.buf):cap(b.buf)])
		b.buf = b.buf[:len(b.buf)+n]
		switch {
		case len(b.buf) > most:
			return tooLong("file %s has more than %d bytes, the most", name, most)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the file cannot be read: %w", err)
		}
	}
}
