package bus

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/vmihailenco/msgpack/v5"
)

// A payload is a stranger's. The decoder believes the counts that it reads, and makes room for as many elements before it has seen one: five
// bytes can ask for 64 GiB. So the shape of a value is looked at first.

// MaxNesting is how many arrays and maps of a value may lie in each other: each takes a piece of the decoder's stack.
const MaxNesting = 1000

var (
	errShort  = errors.New("not msgpack: it counts more values than its bytes can hold")
	errMore   = errors.New("not one msgpack value: bytes follow it")
	errNever  = errors.New("not msgpack: a value begins with c1, which none does")
	errNested = fmt.Errorf("%w: arrays and maps lie in each other, more than %d deep", ErrNested, MaxNesting)
)

// unmarshal decodes b into v.
func unmarshal(b []byte, v any) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // a memory fault, which says something of the frame
			panic(r)
		default:
			err = fmt.Errorf("the value does not fit %T: %v", v, r)
		}
	}()
	if len(b) == 0 {
		return errShort
	}
	d, g := msgpack.GetDecoder(), &watched{b: b, unsure: none}
	g.frames = g.room[:0]
	d.Reset(g)
	if err = d.Decode(v); err == nil { // one that has failed may be amid something
		msgpack.PutDecoder(d)
	}
	return err
}

// wellFormed checks that the first msgpack value in b lies wholly within it. What an extension has in it is not looked at: it may be anything.
func wellFormed(b []byte) error {
	_, err := (&walk{end: len(b)}).skip(b, 0)
	return err
}

// oneValue checks that b is one msgpack value, as Decode takes it, and nothing more.
func oneValue(b []byte) error {
	rest, err := (&walk{end: len(b)}).skip(b, 0)
	if err == nil && len(rest) > 0 {
		err = errMore
	}
	return err
}

// tooDeep is an error if Decode would refuse what was encoded because it is nested too deep. There may be more to come.
func tooDeep(b []byte) error {
	if err := wellFormed(b); err == errNested {
		return err
	}
	return nil
}

// A walk goes over a value in a payload that ends at end.
type walk struct {
	end    int
	bodies []body // of the extensions on the way
}

// A body is what an extension has in it: where it lies, and how deep.
type body struct {
	from, to, depth int

	index bool // it may be the index of an interned string, in one byte
}

// interned is the type of an extension that stands for a string that was there before.
const interned = 0x80

// skip is what follows the first value in b. Each value has at least one byte, so it looks at no more of them than there are bytes.
func (w *walk) skip(b []byte, depth int) ([]byte, error) {
	if len(b) == 0 {
		return nil, errShort
	}
	if depth > MaxNesting {
		return nil, errNested
	}
	c := b[0]
	b = b[1:]
	size, values := 0, 0 // bytes, and values, that belong to this one
	ext := false
	switch {
	case c == 0xc1:
		return nil, errNever
	case depth == MaxNesting && (c >= 0x80 && c <= 0x9f || c >= 0xdc && c <= 0xdf): // one more array or map
		return nil, errNested
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
		ext = true
	case c <= 0xcb: // float
		size = 4 << (c - 0xca)
	case c <= 0xcf: // uint
		size = 1 << (c - 0xcc)
	case c <= 0xd3: // int
		size = 1 << (c - 0xd0)
	case c <= 0xd8: // fixext
		size = 1 + 1<<(c-0xd4)
		ext = true
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
	if ext {
		from := w.end - len(b)
		w.bodies = append(w.bodies, body{from + 1, from + size, depth, c == 0xd4 && b[0] == interned})
	}
	b = b[size:]
	for range values { // each takes a byte, so too many of them end soon; but of a value that is not wholly there yet the depth is seen
		var err error
		if b, err = w.skip(b, depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// A watched payload is read by a decoder that may look for values within extensions: where it expects a Go map it does so in any, and then goes on behind what it
// found. A value begins with a byte that is read alone. So where one is that is no part of what has been walked over, the value that begins there is
// walked over first.
type watched struct {
	b      []byte
	pos    int
	frames []frame // each within a body of the one before
	base   int     // how deep the values lie that follow the first frame's
	unsure body    // whose only byte was read last, and is the index of a string, or begins a map
	room   [1]frame
	maybes int // maps that may have been begun like that, or behind an extension with nothing in it
}

// A frame is a value that has been walked over.
type frame struct {
	walked int    // up to here
	bodies []body // that have not been passed, the first one first
}

var none = body{from: -1}

// mostMaybes is how often a payload may leave it open whether it goes a level deeper. The decoder's stack has room for more.
const mostMaybes = 200_000

func (g *watched) Read(p []byte) (int, error) {
	if g.unsure != none { // a string would have ended with its index: it was a map, whose length comes now
		if err := g.walk(g.unsure.from, g.unsure.depth+1, g.unsure.to); err != nil {
			return 0, err
		}
		g.unsure = none
	}
	if g.pos == len(g.b) && len(p) > 0 {
		return 0, io.EOF
	}
	n := copy(p, g.b[g.pos:])
	g.pos += n
	return n, nil
}

func (g *watched) ReadByte() (byte, error) {
	if g.unsure = none; g.pos == len(g.b) {
		return 0, io.EOF
	}
	if err := g.enter(); err != nil {
		return 0, err
	}
	c := g.b[g.pos]
	g.pos++
	return c, nil
}

// enter sees to it that the byte at pos belongs to something that has been walked over.
func (g *watched) enter() error {
	for n := len(g.frames) - 1; n >= 0; n-- {
		f := &g.frames[n]
		for len(f.bodies) > 0 && f.bodies[0].from <= g.pos {
			in := f.bodies[0]
			if g.pos < in.to && !in.index {
				return g.walk(g.pos, in.depth+1, in.to)
			}
			f.bodies = f.bodies[1:]
			if g.pos != in.from {
				continue // it has been passed
			}
			if in.index {
				g.unsure = in
			}
			if g.maybes++; g.maybes > mostMaybes {
				return errNested
			}
		}
		if g.pos < f.walked {
			return nil
		}
		g.frames = g.frames[:n]
	}
	return g.walk(g.pos, g.base, len(g.b))
}

// walk walks over the value at pos, which lies so deep, in a body that ends at end. If it goes on behind that, it is not known what its end is in the values around it.
func (g *watched) walk(pos, depth, end int) error {
	w := walk{end: len(g.b)}
	rest, err := w.skip(g.b[pos:], depth)
	if err != nil {
		return err // also if the byte is read again: a decoder that only looks for a nil goes on
	}
	walked := len(g.b) - len(rest)
	if walked > end {
		g.frames, g.base = g.frames[:0], depth
	}
	g.frames = append(g.frames, frame{walked, w.bodies})
	return nil
}

// UnreadByte gives the last byte back, which ReadByte has read.
func (g *watched) UnreadByte() error {
	g.pos--
	return nil
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
