package bus

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// decodeWithin decodes b into some types and fails if that takes more memory than a few times what the payload has.
func decodeWithin(t testing.TB, b []byte) {
	t.Helper()
	ext := func(c byte) bool { return c >= 0xc7 && c <= 0xc9 || c >= 0xd4 && c <= 0xd8 } // what they have in them is not looked at
	if wellFormed(b) != nil || slices.ContainsFunc(b, ext) {
		return
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, v := range []any{new(any), new([]int64), new(map[string]any), new([]byte), new(string), new(struct{ A, B []string })} {
		_ = msgpack.Unmarshal(b, v)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20+10000*uint64(len(b)) {
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
		{0xa5, 'a'},
		bytes.Repeat([]byte{0xdd, 0x00, 0x0f, 0x42, 0x40}, 100),
		bytes.Repeat([]byte{0x91}, 1<<22),
		append(bytes.Repeat([]byte{0x91}, maxNesting+1), 0xc0),
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

func TestRandomPayloadsAreDecodedWithinTheirSize(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		b := make([]byte, rnd.IntN(40))
		for i := range b {
			if b[i] = byte(rnd.Uint32()); rnd.IntN(2) == 0 {
				b[i] = 0x80 | b[i]&0x7f
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
