package bus

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strconv"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// decodeWithin decodes b into some types and fails if that takes more memory than a few times what the payload has.
func decodeWithin(t testing.TB, b []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	type nest map[string]nest
	for _, v := range []any{
		new(any), new([]int64), new(map[string]any), new([]byte), new(string), new(struct{ A, B []string }), new(map[any]any), new(nest), new(msgpack.RawMessage),
		new([]map[string][]string), new(struct{ A map[string]map[string]int }), new([]item), new(several),
	} {
		_ = unmarshal(b, v)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<18+10000*uint64(len(b)) {
		t.Errorf("%d bytes take %d: % x", len(b), n, b[:min(len(b), 60)])
	}
}

func TestPayloadsThatCountMoreThanTheyHoldAreErrors(t *testing.T) {
	for _, b := range [][]byte{
		{},
		{0xdd, 0xff, 0xff, 0xff, 0xff},
		{0xdf, 0xff, 0xff, 0xff, 0xff},
		{0xdf, 0x7f, 0xff, 0xff, 0xff, 0xc0, 0xc0},
		{0xc6, 0x7f, 0xff, 0xff, 0xff},
		{0xdb, 0xff, 0xff, 0xff, 0xff},
		{0xc9, 0xff, 0xff, 0xff, 0xff, 1},
		{0xdc, 0xff},
		{0xd9},
		{0xc4},
		{0xcb, 1, 2, 3},
		{0xd8, 1},
		{0x81, 0xa1, 'x'},
		{0x92, 1},
		{0xc1},
		{0xa5, 'a'},
		bytes.Repeat([]byte{0xdd, 0x00, 0x0f, 0x42, 0x40}, 100),
		bytes.Repeat([]byte{0x91}, 1<<22),
		append(bytes.Repeat([]byte{0x91}, MaxNesting+1), 0xc0),
		append(bytes.Repeat([]byte{0x91}, MaxNesting), 0x90),
		append(bytes.Repeat([]byte{0x91}, MaxNesting), 0xdf, 0, 0, 0, 0),
	} {
		if wellFormed(b) == nil {
			t.Errorf("% x is fine", b[:min(len(b), 20)])
		}
	}
	for _, v := range []any{
		nil, true, 1, -1, 1 << 40, -1 << 40, 300, -300, 1.5, float32(2), "x", string(make([]byte, 70000)), make([]byte, 300), make([]byte, 70000),
		make([]any, 70000),
		[]int{1, 2},
		map[string]any{"a": []any{1, "b", nil}},
		struct{ A, B int }{1, 2},
		make(map[int]int),
	} {
		b, err := msgpack.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := wellFormed(b); err != nil {
			t.Errorf("%T is not fine: %v", v, err)
		}
		for i := range min(len(b), 100) {
			if wellFormed(b[:i]) == nil {
				t.Errorf("%d of the %d bytes of a %T are fine", i, len(b), v)
			}
		}
	}
}

// An item's strings come as an index when they come again.
type item struct {
	K string         `msgpack:",intern"`
	M map[string]int `msgpack:",omitempty"`
}

// several decodes two values that follow each other.
type several struct {
	a int
	b []any
}

func (s *several) DecodeMsgpack(d *msgpack.Decoder) error { return d.DecodeMulti(&s.a, &s.b) }

func TestInternedStringsAreDecoded(t *testing.T) {
	var want []item
	for i := range 600 {
		want = append(want, item{K: strconv.Itoa(i % 300)}, item{K: "the last", M: map[string]int{"a": i}})
	}
	b, err := msgpack.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got []item
	if err := unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, and %d items, want %d", err, len(got), len(want))
	}
}

// TestNestingIsSeenThroughExtensions: whatever is put between a map and the one within it.
func TestNestingIsSeenThroughExtensions(t *testing.T) {
	type nest map[string]nest
	for _, between := range [][]byte{
		{0xc7, 0, 1},       // an extension with nothing in it
		{0xd4, 0x80, 0x81}, // that looks like the index of a string, and begins the map
		{0xc7, 1, 1, 0x81}, // that has the beginning of the map
	} {
		level := append([]byte{0x81, 0xa1, 'a'}, between...)
		if between[len(between)-1] == 0x81 {
			level = append([]byte{0xa1, 'a'}, between...)
		}
		b := bytes.Repeat(level, 200000)
		if level[0] != 0x81 {
			b = append([]byte{0x81}, b...)
		}
		if err := unmarshal(b, new(nest)); err == nil {
			t.Errorf("% x between 200000 maps is fine", between)
		}
	}
}

func TestWhatFollowsTheFirstValueIsLookedAt(t *testing.T) {
	if err := unmarshal([]byte{1, 0xdd, 0xff, 0xff, 0xff, 0xff}, new(several)); err == nil {
		t.Error("an array of 4 billion values was decoded")
	}
	var s several
	if err := unmarshal([]byte{1, 0x92, 2, 3}, &s); err != nil || s.a != 1 || len(s.b) != 2 {
		t.Errorf("%v, %v", err, s)
	}
}

func TestRandomPayloadsAreDecodedWithinTheirSize(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		b := make([]byte, rnd.IntN(40))
		for i := range b {
			switch b[i] = byte(rnd.Uint32()); rnd.IntN(4) {
			case 0:
				b[i] = 0x80 | b[i]&0x7f
			case 1:
				b[i] = []byte{0xc7, 0xd4, 0x80, 0x81, 0xdd, 0xdf, 0xa1, 1, 0, 0xd5, 0xd6, 0x91}[rnd.IntN(12)]
			}
		}
		decodeWithin(t, b)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0xdc, 0, 2, 0xc7, 1, 5, 9, 0x81, 0xa1, 'x', 0xca, 1, 2, 3, 4})
	f.Add([]byte{0xc7, 12, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Fuzz(func(t *testing.T, b []byte) { decodeWithin(t, b[:min(len(b), 1<<12)]) })
}
