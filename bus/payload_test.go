package bus_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"shmbus/bus"
)

// level publishes when it is asked whether it is zero, as a log that goes to the bus would.
type level int64

var onIsZero func()

func (l level) IsZero() bool {
	onIsZero()
	return l == 0
}

func TestCodeThatRunsForAnEncodingMayPublish(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless}))
	p, s := publisher(t, b, "t"), subscribe(t, b, "t", bus.Lossless())
	ctx := t.Context()
	onIsZero = func() { noError(t, p.Publish(ctx, []byte("log"))) }
	noError(t, p.Encode(ctx, struct {
		L level `msgpack:",omitempty"`
	}{1}))
	expect(t, s, "log", "\x81\xa1L\xd3\x00\x00\x00\x00\x00\x00\x00\x01")
	publish(t, p, "after")
	expect(t, s, "after")
}

// registered has an encoder that only msgpack knows of.
type registered struct{ n int }

func TestAnEncoderThatIsNotKnownMustNotPublish(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless}))
	p, s := publisher(t, b, "t"), subscribe(t, b, "t", bus.Lossless())
	ctx := t.Context()
	var inner error
	msgpack.Register(registered{}, func(e *msgpack.Encoder, v reflect.Value) error {
		inner = p.Publish(ctx, []byte("inner"))
		return e.EncodeInt(v.Field(0).Int())
	}, func(*msgpack.Decoder, reflect.Value) error { return nil })
	noError(t, p.Encode(ctx, registered{7}))
	if !errors.Is(inner, bus.ErrBusy) {
		t.Errorf("to publish within gave %v", inner)
	}
	publish(t, p, "after")
	expect(t, s, "\x07", "after")
}

func TestWhatIsNotEncodedMayBeOfAnyType(t *testing.T) {
	b := newBus(t)
	p, s := publisher(t, b, "t"), subscribe(t, b, "t")
	for _, c := range []struct {
		v    any
		want string
	}{
		{struct {
			X int8
			H handle `msgpack:"-"`
			L loop   `msgpack:"-"`
		}{X: 1}, "\x81\xa1X\xd0\x01"},
		{&struct {
			X    int8
			pool sync.Pool
			next loop
		}{X: 1}, "\x81\xa1X\xd0\x01"},
		{(*handle)(nil), "\xc0"},
		{[]*uintptr{nil}, "\x91\xc0"},
		{map[string]handle{}, "\x80"},
	} {
		noError(t, p.Encode(t.Context(), c.v))
		expect(t, s, c.want)
	}
}

// handle is a type of numbers that have no form in msgpack.
type handle uintptr

func TestWhatHasNoFormInMsgpackIsAnError(t *testing.T) {
	b := newBus(t)
	p, s := publisher(t, b, "t"), subscribe(t, b, "t")
	for _, v := range []any{
		uintptr(1),
		struct{ U uintptr }{},
		new(handle),
		map[string]any{"a": uintptr(1)},
		[]any{[]any{handle(1)}},
		struct{ V any }{struct{ H handle }{}},
	} {
		if err := p.Encode(t.Context(), v); err == nil || !strings.Contains(err.Error(), `encode to "t"`) {
			t.Errorf("%#v: %v", v, err)
		}
		publish(t, p, "x")
		expect(t, s, "x") // and nothing before it
	}
}

func TestValuesThatDoNotFitAreErrors(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless}))
	p, s := publisher(t, b, "t"), subscribe(t, b, "t", bus.Lossless())
	for name, c := range map[string]struct{ payload, into any }{
		"nil for a time":       {map[string]any{"When": nil}, new(struct{ When time.Time })},
		"nil among times":      {[]any{nil}, new([]time.Time)},
		"an array as a key":    {msgpack.RawMessage{0x81, 0x91, 1, 2}, new(map[any]any)},
		"bytes as a key":       {msgpack.RawMessage{0x81, 0xc4, 1, 'k', 2}, new(map[any]any)},
		"a map for an error":   {map[string]any{"E": map[string]any{}}, new(struct{ E error })},
		"a number for a value": {map[string]any{"S": 1}, new(struct{ S fmt.Stringer })},
	} {
		noError(t, p.Encode(t.Context(), c.payload))
		f, err := s.Receive(t.Context())
		noError(t, err)
		if err := f.Decode(c.into); err == nil {
			t.Errorf("%s: no error", name)
		}
		f.Release()
	}
}

// TestExtensionsAreLookedIntoBeforeTheyAreDecoded: where a Go map is expected the decoder looks for one in any extension.
func TestExtensionsAreLookedIntoBeforeTheyAreDecoded(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless}))
	p, s := publisher(t, b, "t"), subscribe(t, b, "t", bus.Lossless())
	decode := func(b []byte, into any) error {
		noError(t, bus.PublishAsMsgpack(t.Context(), p, b))
		f, err := s.Receive(t.Context())
		noError(t, err)
		defer f.Release()
		return f.Decode(into)
	}
	for _, b := range [][]byte{
		{0xc7, 12, 1, 0xdf, 0, 0, 0, 1, 0xa1, 'a', 0xdd, 0xff, 0, 0, 0},
		{0xc7, 6, 1, 0x81, 0xa1, 'a', 0xdc, 0xff, 0xff},
		{0xd8, 1, 0x81, 0xa1, 'a', 0xc7, 9, 1, 0x81, 0xa1, 'b', 0xdd, 0xff, 0, 0, 0, 0, 0, 0}, // one within another
		{0x82, 0xa1, 'x', 0xd4, 1, 0x81, 0xa1, 'y', 0xdd, 0xff, 0, 0, 0},                      // that goes on behind it
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, v := range []any{new(map[string]any), new(map[string]map[string]any), new(map[any]any), new(map[string][]string)} {
			if err := decode(b, v); err == nil {
				t.Errorf("% x was decoded into %T", b, v)
			}
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("% x takes %d bytes", b, n)
		}
	}
	var deep []byte
	for range 2000 { // each in an extension of the one before
		deep = append([]byte{0x81, 0xa1, 'a', 0xc9, 0, byte(len(deep) >> 16), byte(len(deep) >> 8), byte(len(deep)), 1}, deep...)
	}
	type nest map[string]nest
	if err := decode(deep, new(nest)); err == nil {
		t.Error("what is nested too deep was decoded")
	}
	// What is well made is decoded as ever, whatever its bytes look like.
	rnd := rand.New(rand.NewPCG(1, 2))
	type record struct {
		At   time.Time
		Meta map[string]int
		More []time.Time
	}
	for range 1000 {
		want := record{At: randomTime(rnd), Meta: map[string]int{"a": rnd.Int()}}
		for range rnd.IntN(4) {
			want.More = append(want.More, randomTime(rnd))
		}
		b, err := msgpack.Marshal(want)
		noError(t, err)
		var got record
		noError(t, decode(b, &got))
		for i := range got.More {
			got.More[i] = got.More[i].UTC()
		}
		if got.At = got.At.UTC(); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v became %v", want, got)
		}
	}
	inside := map[string]int{}
	noError(t, decode([]byte{0xc7, 4, 1, 0x81, 0xa1, 'a', 5}, &inside))
	if inside["a"] != 5 {
		t.Errorf("the map in an extension became %v", inside)
	}
}

func randomTime(rnd *rand.Rand) time.Time {
	return time.Unix(rnd.Int64N(1<<34), rnd.Int64N(1e9)).UTC()
}
