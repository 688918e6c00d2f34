package plugins

import (
	"bytes"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

func TestWhatIsOneMsgpackValue(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 70000)
	var values [][]byte
	for _, v := range []any{
		nil, true, 1, -1, 200, -200, 70000, -70000, 1 << 40, -1 << 40, uint64(1<<64 - 1), float32(1.5), 1.5, "", "a", string(long[:40]), string(long[:300]), string(long),
		[]byte{},
		long[:300], long,
		[]int{},
		make([]int, 20), make([]int, 70000),
		map[string]int{"a": 1},
		time.Unix(1, 0), time.Unix(1, 5), time.Unix(-1, 5),
		map[string]any{"a": []any{map[string]any{"b": nil}, 1}},
		bigMap(20), bigMap(70000),
	} {
		b, err := msgpack.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, b)
	}
	values = append(values, []byte("\xd4\x01x"), []byte("\xd5\x01xx"), []byte("\xd6\x01xxxx"), []byte("\xd8\x01xxxxxxxxxxxxxxxx"), []byte("\xc7\x02\x01xx"),
		[]byte("\xc8\x00\x02\x01xx"), []byte("\xc9\x00\x00\x00\x02\x01xx"), append(bytes.Repeat([]byte{0x91}, 1<<20), 0xc0))
	for _, b := range values {
		if !OneMsgpack(b) {
			t.Errorf("%.40q is none", b)
		}
		if OneMsgpack(append(b[:len(b):len(b)], 0)) {
			t.Errorf("%.40q and a zero are one", b)
		}
		if OneMsgpack(b[:len(b)-1]) {
			t.Errorf("%.40q without its last byte is one", b)
		}
	}
	for _, b := range []string{"", "\xc1", "\xdf\xff\xff\xff\xff", "\xdd\xff\xff\xff\xff\x00", "\xc6\xff\xff\xff\xff"} {
		if OneMsgpack([]byte(b)) {
			t.Errorf("%q is one", b)
		}
	}
}

func bigMap(n int) map[int]int {
	m := make(map[int]int)
	for i := range n {
		m[i] = i
	}
	return m
}

func FuzzMsgpack(f *testing.F) {
	f.Add([]byte("\x82\xa1a\x01\xa1b\x93\xc0\xc2\xc3"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1000 {
			return // the other one goes down into them
		}
		r := bytes.NewReader(b)
		err := msgpack.NewDecoder(r).Skip()
		if want := err == nil && r.Len() == 0; OneMsgpack(b) != want {
			t.Errorf("%x: %v, and the library says %v", b, !want, err)
		}
	})
}
