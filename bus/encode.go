package bus

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync"

	"github.com/vmihailenco/msgpack/v5"

	"shmbus/internal/invariants"
	"shmbus/topics"
)

// Encode publishes v as one msgpack value (KindMsgpack), encoded straight into the ring. Values whose encoding runs code of the
// caller's (custom marshalers, IsZero methods, and interfaces, which may hold any) are encoded aside first, so that no room is claimed meanwhile. Encoders
// that were registered with msgpack.Register are not known here: they run while room is claimed, must not publish to the topic, and get ErrBusy from this publisher.
// Waiting and errors are as for Publish, and those of the encoding, which publish nothing: arrays and maps that lie in each other more than
// MaxNesting deep are one, ErrNested, because Decode refuses them. A panic of the encoder, which a uintptr is for it, is one, too, also of v's own encoding methods, and
// what these write has to be one value. A pointer that leads to itself over nothing but pointers and interfaces is one as well, if v
// is one; in an interface within v it must not be.
func (p *Publisher) Encode(ctx context.Context, v any) (err error) {
	defer p.fault("encode to", catchFaults(&err), &err)
	return p.encode(ctx, v)
}

func (p *Publisher) encode(ctx context.Context, v any) error {
	shape := shapeOf(v)
	switch {
	case shape.endless || !shape.direct && endless(v):
		return fail("encode to", p.name, errNested)
	case !shape.direct:
		return p.encodeAside(ctx, v) // which is others' code
	}
	err := p.encodeInPlace(ctx, v, shape)
	if err == errFull {
		if err = p.encodeAside(ctx, v); err == nil {
			p.encoder.learn(len(p.encoder.aside.b))
		}
	}
	return err
}

func (p *Publisher) encodeInPlace(ctx context.Context, v any, shape shape) error {
	const op = "encode to"
	e := p.takeEncoder()
	p.encoder = e
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
			if err = p.claim(ctx, op, size, err); err != nil {
				return p.explain(op, size, err)
			}
		}
		n, err := p.encodeInto(size, v, shape)
		if err == nil && n <= size {
			e.learn(n)
			if err = p.w.Commit(n, topics.KindMsgpack, p.now()); err != nil {
				return p.explain(op, n, err)
			}
			return p.sent(op)
		}
		p.w.Abort()
		if gone := p.sent(op); gone != nil {
			return gone
		}
		switch {
		case errors.Is(err, errFull):
			return errFull
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

// encodeInto encodes v into the open claim of size bytes, and says how many bytes it takes, which may be more. If it does not return, because of a
// memory fault, the claim is aborted first.
func (p *Publisher) encodeInto(size int, v any, shape shape) (n int, err error) {
	e := p.encoder
	e.to = cellWriter{buf: p.w.Payload(size), ends: shape.deep}
	if invariants.Enabled { // what runs for it may use the publisher, and is told that it must not
		p.guard.Leave()
		defer p.guard.Enter("a Publisher")
	}
	done := false
	p.loan = encodingLoan
	defer func() {
		p.loan = nil
		if !done {
			p.w.Abort()
			p.w.Bell.Ring()
		}
		e.to.buf = nil
	}()
	e.msgpack.Reset(&e.to)
	err = e.encode(v)
	if err == nil && shape.deep && e.to.n <= size {
		err = tooDeep(e.to.buf[:e.to.n])
	}
	done = true
	return e.to.n, err
}

// encodingLoan is the loan of a publisher that has a claim open for a value that is being encoded.
var encodingLoan = new(Loan)

// encodeAside encodes v into memory of its own, and then publishes it. The code that runs for that may encode something else by the publisher.
func (p *Publisher) encodeAside(ctx context.Context, v any) error {
	const op = "encode to"
	e := p.takeEncoder()
	e.aside.b, e.aside.looks = e.aside.b[:0], firstLook
	e.msgpack.Reset(&e.aside)
	err := e.encode(v)
	if err == nil {
		err = oneValue(e.aside.b) // others' code may have written anything
	}
	p.encoder = e
	if err != nil {
		return fail(op, p.name, err)
	}
	if invariants.Enabled {
		p.guard.Enter("a Publisher")
		defer p.guard.Leave()
	}
	return p.publish(ctx, op, e.aside.b, topics.KindMsgpack, topics.ErrUntried)
}

// takeEncoder is the publisher's encoder, which it has not any more, or a new one.
func (p *Publisher) takeEncoder() *encoder {
	e := p.encoder
	if p.encoder = nil; e == nil {
		e = &encoder{estimate: 256}
		e.msgpack = msgpack.NewEncoder(&e.to)
	}
	return e
}

// An encoder is what a Publisher keeps for Encode.
type encoder struct {
	msgpack  *msgpack.Encoder
	to       cellWriter
	aside    asideWriter
	estimate int // bytes to claim
}

// encode encodes v to where the encoder was set. What it panics at is an error: it has a nil for what encodes a uintptr, and calls that.
func (e *encoder) encode(v any) (err error) {
	err = errUnfinished
	defer func() {
		if err != errUnfinished {
			return
		}
		switch r := recover().(type) {
		case nil: // runtime.Goexit
		case interface{ Addr() uintptr }: // a memory fault, which says something of the ring
			panic(r)
		case runtime.Error:
			err = fmt.Errorf("%T cannot be encoded, or has something within it that cannot, such as a uintptr: %v", v, r)
		default:
			err = fmt.Errorf("%T cannot be encoded: %v", v, r)
		}
	}()
	return e.msgpack.Encode(v)
}

// learn moves the estimate up at once and down slowly.
func (e *encoder) learn(n int) {
	if n > e.estimate {
		e.estimate = n
	} else {
		e.estimate -= (e.estimate - n) / 8
	}
}

// A cellWriter writes into a claim, and where that is full it goes on counting, or ends.
type cellWriter struct {
	buf  []byte
	n    int
	ends bool
}

// errFull: the value may be of any depth, even within itself, so it must not be encoded any further unseen.
var errFull = errors.New("the claim is full")

func (w *cellWriter) Write(b []byte) (int, error) {
	if w.n < len(w.buf) {
		copy(w.buf[w.n:], b)
	}
	w.n += len(b)
	return len(b), w.full()
}

func (w *cellWriter) WriteByte(c byte) error {
	if w.n < len(w.buf) {
		w.buf[w.n] = c
	}
	w.n++
	return w.full()
}

func (w *cellWriter) full() error {
	if w.ends && w.n > len(w.buf) {
		return errFull
	}
	return nil
}

// An asideWriter grows. Now and then it looks how deep the value is: one that lies within itself never ends, and the encoder would go on until
// the stack overflows.
type asideWriter struct {
	b     []byte
	looks int // at so many bytes
}

// firstLook is when an asideWriter first looks; then at twice as many bytes.
const firstLook = 64 << 10

func (w *asideWriter) Write(b []byte) (int, error) {
	w.b = append(w.b, b...)
	return len(b), w.look()
}

func (w *asideWriter) WriteByte(c byte) error {
	w.b = append(w.b, c)
	return w.look()
}

func (w *asideWriter) look() error {
	if len(w.b) < w.looks {
		return nil
	}
	w.looks *= 2
	return tooDeep(w.b)
}

// A shape is what is known of a type's values.
type shape struct {
	direct bool // encoding them runs no code but the encoder's
	deep   bool // of direct ones: the type is within itself, so that they can nest as deep as they like

	endless bool // a pointer type is its own element: the encoder would never be done with the type
}

// shapes remembers those of types.
var shapes sync.Map // reflect.Type -> shape

var userCode = []reflect.Type{
	reflect.TypeFor[msgpack.CustomEncoder](),
	reflect.TypeFor[msgpack.Marshaler](),
	reflect.TypeFor[encoding.BinaryMarshaler](),
	reflect.TypeFor[encoding.TextMarshaler](),
	reflect.TypeFor[interface{ IsZero() bool }](), // which is asked of fields with omitempty
}

// shapeOf is the shape of v's type.
func shapeOf(v any) shape {
	t := reflect.TypeOf(v)
	if t == nil {
		return shape{direct: true}
	}
	if s, ok := shapes.Load(t); ok {
		return s.(shape)
	}
	s := shape{direct: true}
	s.add(t, map[reflect.Type]bool{})
	shapes.Store(t, s)
	return s
}

// add takes a type into account that lies within the value. within is true of those around it, and false of those that have been seen elsewhere.
func (s *shape) add(t reflect.Type, within map[reflect.Type]bool) {
	around, seen := within[t]
	s.deep = s.deep || around
	if seen {
		return
	}
	within[t] = true
	defer func() { within[t] = false }()
	for _, u := range userCode {
		if t.Implements(u) || reflect.PointerTo(t).Implements(u) {
			s.direct = false
			return
		}
	}
	switch t.Kind() {
	case reflect.Pointer:
		s.endless = s.endless || circular(t)
		s.add(t.Elem(), within)
	case reflect.Slice, reflect.Array:
		s.add(t.Elem(), within)
	case reflect.Map:
		s.add(t.Key(), within)
		s.add(t.Elem(), within)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.Tag.Get("msgpack") != "-" && (f.IsExported() || f.Anonymous) { // others the encoder passes over
				s.add(f.Type, within)
			}
		}
	case reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		s.direct = false
	}
}

// circular says of a type whether it is a pointer to pointers, again and again.
func circular(t reflect.Type) bool {
	for range MaxNesting {
		if t.Kind() != reflect.Pointer {
			return false
		}
		t = t.Elem()
	}
	return true
}

// endless says the same of a value, in which interfaces may come in between.
func endless(v any) bool {
	r := reflect.ValueOf(v)
	for range MaxNesting {
		if k := r.Kind(); k != reflect.Pointer && k != reflect.Interface || r.IsNil() {
			return false
		}
		r = r.Elem()
	}
	return true
}
