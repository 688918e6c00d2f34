package bus

import (
	"context"
	"encoding"
	"errors"
	"reflect"
	"sync"

	"github.com/vmihailenco/msgpack/v5"

	"shmbus/internal/invariants"
	"shmbus/topics"
)

// Encode publishes v as one msgpack value (KindMsgpack), encoded straight into the ring. Values whose encoding runs code of the
// caller's (custom marshalers, and interfaces, which may hold any) are encoded aside first, so that no room is claimed meanwhile.
// Waiting and errors are as for Publish, and those of the encoding, which publish nothing.
func (p *Publisher) Encode(ctx context.Context, v any) (err error) {
	defer p.fault("encode to", catchFaults(&err), &err)
	return p.encode(ctx, v)
}

func (p *Publisher) encode(ctx context.Context, v any) error {
	const op = "encode to"
	e := &p.encoder
	if e.msgpack == nil {
		e.msgpack = msgpack.NewEncoder(&e.to)
		e.estimate = 256
	}
	if !direct(v) {
		return p.encodeAside(ctx, v) // which is others' code
	}
	if invariants.Enabled {
		p.guard.Enter("a Publisher")
		defer p.guard.Leave()
	}
	if p.loan != nil || p.state.Load() != portOpen {
		return p.refuse(op)
	}
	size := min(e.estimate, p.maxFrame)
	for tries := 0; ; tries++ {
		if err := p.w.Claim(size); err != nil {
			if err = p.claim(ctx, size, err); err != nil {
				return p.explain(op, size, err)
			}
		}
		n, err := p.encodeInto(size, v)
		if err == nil && n <= size {
			e.learn(n)
			p.w.Commit(n, topics.KindMsgpack, p.now())
			return p.sent(op)
		}
		p.w.Abort()
		if gone := p.sent(op); gone != nil {
			return gone
		}
		switch {
		case err != nil:
			return fail(op, p.name, err)
		case n > p.maxFrame:
			return tooLarge(op, p.name, n, p.maxFrame)
		case tries > 8:
			return fail(op, p.name, errors.New("the value changes while it is encoded"))
		}
		size = n
	}
}

// encodeInto encodes v into the open claim of size bytes, and says how many bytes it takes, which may be more. If the encoding panics,
// the claim is aborted first.
func (p *Publisher) encodeInto(size int, v any) (n int, err error) {
	e := &p.encoder
	e.to = cellWriter{buf: p.w.Payload(size)}
	done := false
	defer func() {
		if !done {
			p.w.Abort()
			p.data.Ring(p.notify)
		}
		e.to.buf = nil
	}()
	e.msgpack.Reset(&e.to)
	err = e.msgpack.Encode(v)
	done = true
	return e.to.n, err
}

func (p *Publisher) encodeAside(ctx context.Context, v any) error {
	e := &p.encoder
	e.aside = asideWriter(e.aside[:0])
	e.msgpack.Reset(&e.aside)
	if err := e.msgpack.Encode(v); err != nil {
		return fail("encode to", p.name, err)
	}
	if invariants.Enabled {
		p.guard.Enter("a Publisher")
		defer p.guard.Leave()
	}
	return p.publish(ctx, e.aside, topics.KindMsgpack, errUntried)
}

// An encoder is what a Publisher keeps for Encode.
type encoder struct {
	msgpack  *msgpack.Encoder
	to       cellWriter
	aside    asideWriter
	estimate int // bytes to claim
}

// learn moves the estimate up at once and down slowly.
func (e *encoder) learn(n int) {
	if n > e.estimate {
		e.estimate = n
	} else {
		e.estimate -= (e.estimate - n) / 8
	}
}

// A cellWriter writes into a claim, and goes on counting where that is full.
type cellWriter struct {
	buf []byte
	n   int
}

func (w *cellWriter) Write(b []byte) (int, error) {
	if w.n < len(w.buf) {
		copy(w.buf[w.n:], b)
	}
	w.n += len(b)
	return len(b), nil
}

func (w *cellWriter) WriteByte(c byte) error {
	if w.n < len(w.buf) {
		w.buf[w.n] = c
	}
	w.n++
	return nil
}

// An asideWriter grows.
type asideWriter []byte

func (w *asideWriter) Write(b []byte) (int, error) {
	*w = append(*w, b...)
	return len(b), nil
}

func (w *asideWriter) WriteByte(c byte) error {
	*w = append(*w, c)
	return nil
}

// directTypes remembers which types can be encoded in place.
var directTypes sync.Map // reflect.Type -> bool

var userCode = []reflect.Type{
	reflect.TypeFor[msgpack.CustomEncoder](),
	reflect.TypeFor[msgpack.Marshaler](),
	reflect.TypeFor[encoding.BinaryMarshaler](),
	reflect.TypeFor[encoding.TextMarshaler](),
}

// direct says whether encoding v runs no code but the encoder's.
func direct(v any) bool {
	t := reflect.TypeOf(v)
	if t == nil {
		return true
	}
	if d, ok := directTypes.Load(t); ok {
		return d.(bool)
	}
	d := directType(t, map[reflect.Type]bool{})
	directTypes.Store(t, d)
	return d
}

func directType(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return true
	}
	seen[t] = true
	for _, u := range userCode {
		if t.Implements(u) || reflect.PointerTo(t).Implements(u) {
			return false
		}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return directType(t.Elem(), seen)
	case reflect.Map:
		return directType(t.Key(), seen) && directType(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if !directType(t.Field(i).Type, seen) {
				return false
			}
		}
		return true
	case reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return false
	}
	return true
}
