package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"shmbus/bus"
)

type sample struct {
	Name   string
	Values []float64
	Tags   map[string]int
	Next   *sample
	At     int64
}

func TestAValueComesBackAsItWasEncoded(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	in := sample{"imu", []float64{1, 2.5, -3}, map[string]int{"a": 1}, &sample{Name: "next"}, 1 << 60}
	for _, v := range []any{in, &in} {
		noError(t, p.Encode(soon(t), v))
		f := receive(t, s)
		if f.Kind() != bus.KindMsgpack {
			t.Errorf("kind %v, want msgpack", f.Kind())
		}
		var out sample
		noError(t, f.Decode(&out))
		if out.Name != in.Name || out.Values[2] != -3 || out.Tags["a"] != 1 || out.Next == nil || out.Next.Name != "next" || out.At != in.At {
			t.Errorf("got %+v, want %+v", out, in)
		}
		f.Release()
	}
	noError(t, bus.Send(soon(t), p, []string{"x", "y"}))
	f := receive(t, s)
	got, err := bus.Decode[[]string](f)
	noError(t, err)
	if strings.Join(got, " ") != "x y" {
		t.Errorf("got %q", got)
	}
	f.Release()
	noError(t, p.Encode(soon(t), nil))
	receive(t, s).Release()
}

func TestDecodingARawFrameIsAnError(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	publish(t, p, "\x01")
	f := receive(t, s)
	var v int
	if err := f.Decode(&v); err == nil || !strings.Contains(err.Error(), "Bytes") || !strings.Contains(err.Error(), `"t"`) {
		t.Errorf("the error is %v", err)
	}
	f.Release()
}

func TestEstimatesThatMissAreMadeGood(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{Slots: 256, Policy: bus.PolicyLossless}))
	s := subscribe(t, b, "t", bus.Lossless())
	for i, n := range []int{0, 1, 250, 260, 1000, 3, 1900, 0, 2000, 64, 63, 65, 255, 256, 257} {
		in := struct{ B []byte }{bytes.Repeat([]byte{byte(i)}, n)}
		noError(t, p.Encode(soon(t), &in))
		f := receive(t, s)
		out, err := bus.Decode[struct{ B []byte }](f)
		noError(t, err)
		if !bytes.Equal(in.B, out.B) || f.Sequence() != uint64(i+1) {
			t.Fatalf("%d bytes came as %d, as frame %d", n, len(out.B), f.Sequence())
		}
		f.Release()
	}
	nothing(t, s)
}

func TestAValueThatIsTooLargePublishesNothing(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", overwriteRing(8))
	s := subscribe(t, b, "t")
	big := make([]byte, 300)
	is(t, p.Encode(soon(t), big), bus.ErrFrameTooLarge, `"t"`, "256")           // in place
	is(t, p.Encode(soon(t), []any{big}), bus.ErrFrameTooLarge, `"t"`, "256")    // aside
	is(t, p.Encode(soon(t), &marshaler{out: big}), bus.ErrFrameTooLarge, `"t"`) // by the value's own code
	nothing(t, s)
	noError(t, p.Encode(soon(t), 7))
	f := receive(t, s)
	if n, err := bus.Decode[int](f); n != 7 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	f.Release()
}

// marshaler encodes itself, in ways that are wrong.
type marshaler struct {
	out   []byte
	err   error
	panic any
}

func (m *marshaler) MarshalBinary() ([]byte, error) {
	if m.panic != nil {
		panic(m.panic)
	}
	return m.out, m.err
}

func TestAMarshalerThatFailsPublishesNothing(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", overwriteRing(8))
	q := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	bad := errors.New("bad value")
	is(t, p.Encode(soon(t), &marshaler{err: bad}), bad, `"t"`)
	if err := p.Encode(soon(t), make(chan int)); err == nil || !strings.Contains(err.Error(), `"t"`) {
		t.Errorf("encoding a channel: %v", err)
	}
	nothing(t, s)
	publish(t, q, "q")
	publish(t, p, "p")
	expect(t, s, "q", "p")
}

func TestAPanicInAMarshalerIsAnErrorAndLeavesNoClaimOpen(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", overwriteRing(8))
	q := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	for _, v := range []any{
		&marshaler{panic: "deliberate"},
		[]any{1, &marshaler{panic: "deliberate"}},
		struct{ M *marshaler }{&marshaler{panic: "deliberate"}},
	} {
		if err := p.Encode(soon(t), v); err == nil || !strings.Contains(err.Error(), "deliberate") || !strings.Contains(err.Error(), `"t"`) {
			t.Errorf("the error is %v", err)
		}
		for range 20 { // more than a lap: no open claim is in the way
			noError(t, q.TryPublish([]byte("q")))
			expect(t, s, "q")
		}
		noError(t, p.Encode(soon(t), "p"))
		f := receive(t, s)
		if v, err := bus.Decode[string](f); v != "p" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
		f.Release()
	}
}

func TestValuesWithCodeOfTheirOwnAreEncodedToo(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	at := time.Unix(1700000000, 5)
	noError(t, p.Encode(soon(t), map[string]any{"at": at, "n": 5}))
	f := receive(t, s)
	v, err := bus.Decode[struct {
		At time.Time `msgpack:"at"`
		N  int       `msgpack:"n"`
	}](f)
	noError(t, err)
	if !v.At.Equal(at) || v.N != 5 {
		t.Errorf("got %+v", v)
	}
	f.Release()
}

func TestValuesGoesOnAfterAFrameThatDoesNotDecode(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	noError(t, p.Encode(soon(t), 1))
	publish(t, p, "raw")
	noError(t, p.Encode(soon(t), 3))
	var got []int
	bad := 0
	for v, err := range bus.Values[int](soon(t), s) {
		if err != nil {
			bad++
			continue
		}
		if got = append(got, v); len(got) == 2 {
			break
		}
	}
	if bad != 1 || len(got) != 2 || got[0] != 1 || got[1] != 3 {
		t.Errorf("got %v and %d errors", got, bad)
	}
	for _, err := range bus.Values[int](done(), s) {
		if err == nil {
			t.Error("a value with a context that is done")
		}
	}
}

// plainNest is encoded in place, and lies in itself.
type plainNest []plainNest

func TestWhatIsEncodedCanBeDecoded(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	nested := func(depth int) (plainNest, any) {
		n, a := plainNest{}, any([]any{})
		for range depth - 1 {
			n, a = plainNest{n}, []any{a}
		}
		return n, a
	}
	n, a := nested(bus.MaxNesting)
	for _, v := range []any{n, a} {
		noError(t, p.Encode(soon(t), v))
		f := receive(t, s)
		var got any
		noError(t, f.Decode(&got))
		f.Release()
	}
	for _, v := range []any{[]plainNest{n}, []any{a}, map[string]plainNest{"x": n}} {
		if err := p.Encode(soon(t), v); err == nil || !strings.Contains(err.Error(), "more than 1000 deep") || !strings.Contains(err.Error(), `"t"`) {
			t.Errorf("%T: got %v", v, err)
		}
	}
	nothing(t, s)
	publish(t, p, "goes on")
	expect(t, s, "goes on")
}

// A loop can be a pointer to itself.
type loop *loop

func TestAPointerToItselfIsAnError(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	var l loop
	l = &l
	var a, none any
	a = &a
	for _, v := range []any{l, &l, loop(nil), struct{ L loop }{}, struct {
		A any
		L []loop
	}{}, a, &a} {
		if err := p.Encode(soon(t), v); err == nil || !strings.Contains(err.Error(), "more than 1000 deep") || !strings.Contains(err.Error(), `"t"`) {
			t.Errorf("%T: got %v", v, err)
		}
	}
	nothing(t, s)
	end := &none
	for _, v := range []any{none, &none, &end, new(*int)} { // pointers that end
		noError(t, p.Encode(soon(t), v))
		f := receive(t, s)
		if got := f.Bytes(); len(got) != 1 || got[0] != 0xc0 {
			t.Errorf("%T: got %x, want nil", v, got)
		}
		f.Release()
	}
}

func TestAValueWithinItselfIsAnError(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{Slots: 1 << 12, CellSize: 1 << 14})) // the frame's limit does not end it
	s := subscribe(t, b, "t")
	n, a, m := plainNest{nil}, []any{"first", nil}, map[string]any{}
	n[0], a[1], m["m"] = n, a, m
	for _, v := range []any{n, a, m} {
		if err := p.Encode(soon(t), v); err == nil || !strings.Contains(err.Error(), "more than 1000 deep") || !strings.Contains(err.Error(), `"t"`) {
			t.Errorf("%T: got %v", v, err)
		}
		nothing(t, s)
	}
	before, err := b.Stat("t")
	noError(t, err)
	noError(t, p.Encode(soon(t), 1))
	after, err := b.Stat("t")
	noError(t, err)
	if used := after.Tail - before.Tail; used != 1 { // what was refused says nothing of how large the next one is
		t.Errorf("a small value claims %d slots", used)
	}
	f := receive(t, s)
	f.Release()
	wide := make(plainNest, 200000) // more than a claim, and more than one look
	for range 2 {                   // the second time its size is known
		noError(t, p.Encode(soon(t), wide))
		f := receive(t, s)
		if v, err := bus.Decode[plainNest](f); len(v) != len(wide) || err != nil {
			t.Errorf("got %d, %v", len(v), err)
		}
		f.Release()
	}
}

// scribbler writes whatever it is.
type scribbler string

func (s scribbler) EncodeMsgpack(e *msgpack.Encoder) error {
	_, err := e.Writer().Write([]byte(s))
	return err
}

func TestWhatIsNotOneValueIsNotPublished(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	for _, v := range []any{
		scribbler(""), scribbler("\x01\x02"), scribbler("\xa2x"), scribbler("\xc1"),
		[]any{1, scribbler("")},
		[]any{scribbler("\x01\x02")},
		msgpack.RawMessage{0x93, 1},
		msgpack.RawMessage{},
		struct{ R msgpack.RawMessage }{msgpack.RawMessage{}},
	} {
		if err := p.Encode(soon(t), v); err == nil || !strings.Contains(err.Error(), "msgpack") || !strings.Contains(err.Error(), `encode to "t"`) {
			t.Errorf("%#v: got %v", v, err)
		}
		nothing(t, s)
	}
	noError(t, p.Encode(soon(t), []any{scribbler("\x01")}))
	expect(t, s, "\x91\x01")
}

// busyMarshaler publishes while it is encoded.
type busyMarshaler struct{ p *bus.Publisher }

func (m busyMarshaler) EncodeMsgpack(e *msgpack.Encoder) error {
	if err := m.p.Encode(context.Background(), "plain"); err != nil {
		return err
	}
	if err := m.p.Encode(context.Background(), []any{"aside"}); err != nil {
		return err
	}
	return e.EncodeString("outer")
}

func TestAMarshalerMayEncodeByTheSamePublisher(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	noError(t, p.Encode(soon(t), busyMarshaler{p}))
	for _, want := range []string{"plain", "[aside]", "outer"} {
		f := receive(t, s)
		if v, err := bus.Decode[any](f); fmt.Sprint(v) != want || err != nil {
			t.Errorf("got %v, %v, want %s", v, err, want)
		}
		f.Release()
	}
}
