package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"
)

func TestJSONBecomesMsgpack(t *testing.T) {
	for in, want := range map[string]string{
		"null": "c0", "true": "c3", " false\r": "c2", "0": "00", "127": "7f", "128": "cc80", "255": "ccff", "256": "cd0100", "65536": "ce00010000",
		"4294967296": "cf0000000100000000", "18446744073709551615": "cfffffffffffffffff", "-1": "ff", "-32": "e0", "-33": "d0df",
		"-128": "d080", "-129": "d1ff7f", "-32769": "d2ffff7fff", "-9223372036854775808": "d38000000000000000",
		"18446744073709551616": "cb43f0000000000000", "1.0": "cb3ff0000000000000", "1e0": "cb3ff0000000000000", "-0": "cb8000000000000000", "-0.5": "cbbfe0000000000000",
		`""`: "a0", `"a"`: "a161", `"\n\u00e4\ud83d\ude00"`: "a70ac3a4f09f9880", "[]": "90", "{}": "80", "[1, [2] ,3]": "9301910203",
		`{"b":1,"a":{"c":[]},"b":2}`: "83a16201a16181a16390a16202",
	} {
		got, err := appendMsgpack([]byte{0xff}, []byte(in))
		if err != nil || fmt.Sprintf("%x", got) != "ff"+want {
			t.Errorf("%s: %x, %v, want %s", in, got, err, want)
		}
	}
}

func TestInvalidJSONIsExplained(t *testing.T) {
	for in, want := range map[string]string{
		"":         "unexpected end of JSON input",
		"{":        "unexpected end of JSON input",
		"nul":      "unexpected end of JSON input",
		"-":        "unexpected end of JSON input",
		"[1e":      "unexpected end of JSON input",
		`"\u00`:    "unexpected end of JSON input",
		"nul ":     "invalid character ' ' in literal null (expecting 'l') (byte 4)",
		"nux":      "invalid character 'x' in literal null (expecting 'l') (byte 3)",
		`{"a":1}}`: "invalid character '}' after top-level value (byte 8)",
		"[1,]":     "(byte 4)",
		"01":       "invalid JSON",
		"NaN":      "invalid character 'N' looking for beginning of value (byte 1)",
		"\"\xff\"": "not UTF-8",
		"1e999":    "the number 1e999 is too large",
		strings.Repeat("[", 1001) + strings.Repeat("]", 1001): "more than 1000 deep",
	} {
		dst := []byte("before")
		got, err := appendMsgpack(dst, []byte(in))
		if err == nil || !strings.Contains(err.Error(), want) || string(got) != "before" {
			t.Errorf("%.20q: %x, %v, want %s", in, got, err, want)
		}
	}
}

// TestAsDeepAsTheHelpSays goes in, and comes out again.
func TestAsDeepAsTheHelpSays(t *testing.T) {
	deep := strings.Repeat("[", 1000) + "1" + strings.Repeat("]", 1000)
	packed, err := appendMsgpack(nil, []byte(deep))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := appendJSON(nil, packed); err != nil || string(text) != deep {
		t.Errorf("it comes out as %.20q, %v", text, err)
	}
}

// TestLargeArraysAndMaps: their heads grow when the members are there already.
func TestLargeArraysAndMaps(t *testing.T) {
	for _, n := range []int{15, 16, 31, 32, 255, 256, 65535, 65536} {
		var array, object []string
		for i := range n {
			array = append(array, fmt.Sprint(i))
			object = append(object, fmt.Sprintf(`"%d":[%d]`, i, i))
		}
		for _, text := range []string{
			"[" + strings.Join(array, ",") + "]", "{" + strings.Join(object, ",") + "}", `"` + strings.Repeat("x", n) + `"`,
		} {
			packed, err := appendMsgpack(nil, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if back, err := appendJSON(nil, packed); err != nil || string(back) != text {
				t.Errorf("%d members of %.10s… come back as %.10s…, %v", n, text, back, err)
			}
		}
	}
}

func drawJSON(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 8).Draw(t, "kind")
	if depth == 0 && kind > 6 {
		kind = 0
	}
	switch kind {
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int64().Draw(t, "int")
	case 3:
		return rapid.Uint64().Draw(t, "uint")
	case 4:
		return rapid.Float64().Draw(t, "float")
	case 5, 6:
		return rapid.String().Draw(t, "text")
	case 7:
		var all []any
		for range rapid.IntRange(0, 20).Draw(t, "length") {
			all = append(all, drawJSON(t, depth-1))
		}
		return all
	case 8:
		all := map[string]any{}
		for range rapid.IntRange(0, 20).Draw(t, "length") {
			all[rapid.String().Draw(t, "key")] = drawJSON(t, depth-1)
		}
		return all
	}
	return nil
}

// TestWhatJSONSaysMsgpackSays: another decoder reads the same values, and as JSON it is the same again.
func TestWhatJSONSaysMsgpackSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(drawJSON(t, 3))
		if err != nil {
			t.Fatal(err)
		}
		packed, err := appendMsgpack(nil, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var v any
		if err := msgpack.Unmarshal(packed, &v); err != nil {
			t.Fatalf("%s: %x: %v", text, packed, err)
		}
		again, err := json.Marshal(v)
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%s became %s: %v", text, again, err)
		}
		back, err := appendJSON(nil, packed)
		if err != nil {
			t.Fatalf("%s: %x: %v", text, packed, err)
		}
		if twice, err := appendMsgpack(nil, back); err != nil || !bytes.Equal(twice, packed) {
			t.Fatalf("%s came back as %s: %v", text, back, err)
		}
	})
}

func FuzzAppendMsgpack(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"\u00e4",null,true]}`, `[[[]]]`, `"\ud800"`, "1e309", " -0 "} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		packed, err := appendMsgpack(nil, src)
		if err == nil && !json.Valid(src) {
			t.Fatalf("%q is no JSON, and became %x", src, packed)
		}
		if err == nil {
			if _, err := appendJSON(nil, packed); err != nil {
				t.Fatalf("%q became %x: %v", src, packed, err)
			}
		}
	})
}
