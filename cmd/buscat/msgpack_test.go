package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := msgpack.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMsgpackBecomesJSON(t *testing.T) {
	type pair struct {
		X int    `msgpack:"x"`
		Y string `msgpack:"y"`
	}
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, `null`},
		{true, `true`},
		{0, `0`},
		{-1, `-1`},
		{int8(-100), `-100`},
		{int16(-30000), `-30000`},
		{int64(math.MinInt64), `-9223372036854775808`},
		{uint64(math.MaxUint64), `18446744073709551615`},
		{1.5, `1.5`},
		{float32(0.1), `0.1`},
		{1e300, `1e+300`},
		{math.NaN(), `"NaN"`},
		{math.Inf(1), `"+Inf"`},
		{math.Inf(-1), `"-Inf"`},
		{"a\"\\\n\x01\u2028ä", `"a\"\\\n\u0001\u2028ä"`},
		{"\xff", `"\ufffd"`},
		{strings.Repeat("x", 300), `"` + strings.Repeat("x", 300) + `"`},
		{[]byte{1, 2, 3}, `"AQID"`},
		{[]int{1, 2}, `[1,2]`},
		{pair{1, "z"}, `{"x":1,"y":"z"}`},
		{map[int]string{7: "seven"}, `{"7":"seven"}`},
		{map[bool]int{true: 1}, `{"true":1}`},
		{map[float64]int{math.NaN(): 1}, `{"NaN":1}`},
		{map[[2]int]int{{1, 2}: 3}, `{"[1,2]":3}`},
		{time.Unix(1700000000, 0).UTC(), `"2023-11-14T22:13:20Z"`},
		{time.Unix(1700000000, 5e8).UTC(), `"2023-11-14T22:13:20.5Z"`},
		{time.Unix(-5, 1).UTC(), `"1969-12-31T23:59:55.000000001Z"`},
		{msgpack.RawMessage{0xc7, 3, 42, 1, 2, 3}, `{"ext":42,"data":"AQID"}`},
		{msgpack.RawMessage{0xd4, 0xfe, 1}, `{"ext":-2,"data":"AQ=="}`},
		{map[string]any{}, `{}`},
		{[]any{}, `[]`},
	} {
		got, err := appendJSON([]byte("> "), encode(t, c.v))
		if err != nil || string(got) != "> "+c.want {
			t.Errorf("%v: %s, %v; want %s", c.v, got, err, c.want)
		}
	}
}

func TestWhatIsNoMsgpackIsRefused(t *testing.T) {
	deep := bytes.Repeat([]byte{0x91}, 100000)
	if _, err := appendJSON(nil, append(deep[:1000:1000], 0x80)); err != errNested {
		t.Errorf("a map in 1000 arrays: %v", err)
	}
	for _, b := range [][]byte{
		{}, {0xc1}, {1, 2}, {0xa5, 'a'}, {0x92, 1}, {0x81, 1}, {0xcb, 0}, {0xdd, 0xff, 0xff, 0xff, 0xff}, {0xc9, 0xff, 0xff, 0xff, 0xff, 0}, deep,
	} {
		if got, err := appendJSON([]byte("x"), b); err == nil || string(got) != "x" {
			t.Errorf("% x: %s, %v", b[:min(len(b), 10)], got, err)
		}
	}
}

func FuzzMsgpackBecomesValidJSON(f *testing.F) {
	f.Add(encode(f, map[string]any{"a": []any{1, "b", nil, 2.5, []byte{1}}}))
	f.Add([]byte{0xd6, 0xff, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := appendJSON(nil, b)
		if err == nil && (!json.Valid(out) || bytes.IndexByte(out, '\n') >= 0) {
			t.Fatalf("% x: %s", b, out)
		}
	})
}
