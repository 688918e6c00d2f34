package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/itchyny/gojq"

	"shmbus/bus"
)

// theValue is the value of JSON text as encoding/json has it.
func theValue(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

// results is what an expression makes of a value, as JSON, with the error that ended it.
func results(t *testing.T, code *gojq.Code, v any) string {
	t.Helper()
	var b strings.Builder
	iter := code.RunWithContext(context.Background(), v, 7) // $x
	for {
		v, ok := iter.Next()
		if !ok {
			return b.String()
		}
		if err, bad := v.(error); bad {
			return b.String() + err.Error()
		}
		line, err := gojq.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", line)
	}
}

// someJSON is a value of JSON text, with odd spaces, escapes, numbers and double keys.
func someJSON(r *rand.Rand, depth int) string {
	space := func() string { return []string{"", "", " ", "\n\t"}[r.IntN(4)] }
	atoms := []string{
		"0", "-0", "7", "-12", "31.5", "1e3", "-2E-7", "1.0", "999999999999999999", "1000000000000000000", "-999999999999999999",
		"9223372036854775807", "12345678901234567890", "-9223372036854775809", "0.1", "1e400", "true", "false", "null", `""`, `"a"`,
		`"a b\n\"\\"`, `"\u00e9\ud83d\ude00"`, `"ü世界"`, `"{[,]}"`, `"\ud800"`,
	}
	n := r.IntN(4)
	kind := r.IntN(4)
	if depth == 0 {
		kind = 0
	}
	var parts []string
	switch kind {
	case 0, 1:
		return space() + atoms[r.IntN(len(atoms))] + space()
	case 2:
		for range n {
			parts = append(parts, someJSON(r, depth-1))
		}
		return space() + "[" + strings.Join(parts, ",") + space() + "]" + space()
	}
	for range n + r.IntN(3) {
		key := []string{`"a"`, `"b"`, `"c"`, `"\u0061"`, `"a b"`, `"d\"e"`, `""`, `"long key ` + strings.Repeat("x", 100) + `"`}[r.IntN(8)]
		parts = append(parts, space()+key+space()+":"+someJSON(r, depth-1))
	}
	return space() + "{" + strings.Join(parts, ",") + space() + "}" + space()
}

// jqExpressions are some that look at members of the body only, and some that look at more.
var jqExpressions = []string{
	".a", ".a?", ".a > 3", ".a.b", ".a[0]?", ".a[]?", `."a b"`, `.["a b"]`, `.["a"]`, ".a + .b", "-.a", ".a == 0.1", "[.a, .c]", ".a, .b", ".b // .c",
	".a | keys?", ".a | .b?", "(.a | tostring) + \"x\"", `"<\(.a) \(.b | type)>"`, ".a and (.b | not)", ".a[.b]?", ".a[.b:.c]?", "1, null, \"x\"", "$x",
	".a == $x", ".[\"a\", \"b\"]?", ".[(\"a\", \"b\")]?", ".", "keys?", "length?", ".[]?", ".a |= 1", ".a += 1", "del(.a)?", "..", "has(\"a\")?",
	"select(.a)", "{a, b: .c}", "if .a then .b else . end", ".a as $y | .b, $y", "try error(.) catch .", "def f: .b; f", ".a[length]?", "to_entries?",
	"[.. | numbers]", "reduce (.a, .b) as $i (.; .)", "@json", "\"\\(.)\"", ".[0:2]?", "first(.a, .b)", "@base64 \"x\\(.a)\"", "getpath([\"a\"])?",
}

// TestWhatAnExpressionMakesOfABody is the same as if the body was read by encoding/json, and all of it; of msgpack as of its JSON.
func TestWhatAnExpressionMakesOfABody(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var readers []*record
	var codes []*gojq.Code
	narrow := 0
	for _, source := range jqExpressions {
		q, err := gojq.Parse(source)
		if err != nil {
			t.Fatal(source, err)
		}
		code, err := gojq.Compile(q, gojq.WithVariables([]string{"$x"}))
		if err != nil {
			t.Fatal(source, err)
		}
		only := lookedAt([]*program{{query: q}})
		if only != nil {
			narrow++
		}
		codes = append(codes, code)
		readers = append(readers, &record{values: valueReader{only: only}})
	}
	if narrow < 20 || narrow > 30 {
		t.Errorf("%d expressions look at members only", narrow)
	}
	for range 3000 {
		text := []byte(someJSON(r, 4))
		whole := theValue(t, text)
		packed, packs := appendMsgpack(nil, text)
		var unpacked any
		if packs == nil {
			again, err := appendJSON(nil, packed)
			if err != nil {
				t.Fatal(err)
			}
			unpacked = theValue(t, again)
		}
		for i, rec := range readers {
			rec.kind, rec.body, rec.decoded = bus.KindRaw, text, false
			if !rec.decode() {
				t.Fatalf("%q has no value", text)
			}
			if got, want := results(t, codes[i], rec.value), results(t, codes[i], whole); got != want {
				t.Fatalf("%s of %q: %q, want %q", jqExpressions[i], text, got, want)
			}
			if packs != nil {
				continue
			}
			rec.kind, rec.body, rec.decoded = bus.KindMsgpack, packed, false
			if !rec.decode() {
				t.Fatalf("%x has no value", packed)
			}
			if got, want := results(t, codes[i], rec.value), results(t, codes[i], unpacked); got != want {
				t.Fatalf("%s of msgpack %x: %q, want %q", jqExpressions[i], packed, got, want)
			}
		}
	}
}

// TestTheMembersAtWhichAnExpressionLooks: nil is all.
func TestTheMembersAtWhichAnExpressionLooks(t *testing.T) {
	for source, want := range map[string][]string{
		".a > 30":                   {"a"},
		`.a.b and ."c d" == .["e"]`: {"a", "c d", "e"},
		`.a | .b, keys`:             {"a"},
		`.a[.i:.j], "\(.s)", [-.n]`: {"a", "i", "j", "n", "s"},
		`$topic == "t"`:             {},
		`$topic[.a]`:                {"a"},
		".":                         nil,
		".a, keys":                  nil,
		".a[length]":                nil,
		".a = 1":                    nil,
		".a as $x | .b":             nil,
		`.["a", "b"]`:               nil,
		`."\(.a)"`:                  nil,
		".[0]":                      nil,
		"select(.a)":                nil,
	} {
		q, err := gojq.Parse(source)
		if err != nil {
			t.Fatal(source, err)
		}
		got := lookedAt([]*program{{query: q}})
		if names := slices.Sorted(maps.Keys(got)); (got == nil) != (want == nil) || !slices.Equal(names, want) {
			t.Errorf("%s looks at %q, want %q", source, names, want)
		}
	}
	one, two := &program{query: &gojq.Query{}}, &program{query: &gojq.Query{}}
	one.query, _ = gojq.Parse(".a")
	two.query, _ = gojq.Parse(".b")
	if got := lookedAt([]*program{one, two}); !maps.Equal(got, map[string]bool{"a": true, "b": true}) {
		t.Errorf("both look at %v", got)
	}
}
