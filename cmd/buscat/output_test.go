package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shmbus/bus"
)

// TestJSONIsAlwaysJSON: whatever the body, --json prints one line, and that is JSON from which the body can be had again.
func TestJSONIsAlwaysJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.OneOf(
			rapid.SliceOf(rapid.Byte()),
			rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) }),
			rapid.SampledFrom([][]byte{[]byte("{}"), []byte(" [1,\n2] "), []byte("\"\u2028\""), []byte("1e400"), []byte("null"), []byte("nul")}),
		).Draw(t, "body")
		r := &record{topic: rapid.String().Draw(t, "topic"), body: body, time: time.Unix(1, 1)}
		if rapid.Bool().Draw(t, "msgpack") {
			r.kind = bus.KindMsgpack
		}
		line := written(t, &jsonForm{odd: func(*record, error) {}}, r)
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Fatalf("not one line: %q", line)
		}
		var got struct {
			Topic  string          `json:"topic"`
			Body   json.RawMessage `json:"body"`
			Text   *string         `json:"text"`
			Base64 []byte          `json:"base64"`
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		switch {
		case got.Topic != r.topic:
			t.Fatalf("topic %q", got.Topic)
		case got.Text != nil && *got.Text != string(body):
			t.Fatalf("text %q", *got.Text)
		case got.Base64 != nil && !bytes.Equal(got.Base64, body):
			t.Fatalf("base64 of %q", got.Base64)
		case got.Body == nil && got.Text == nil && got.Base64 == nil:
			t.Fatalf("no body: %s", line)
		}
	})
}

// Every flag of jq that can be had by mistake ends in an error and not in a panic, and each frame is looked at anew.
func TestJQTellsTheFirstFailureAndCounts(t *testing.T) {
	var said bytes.Buffer
	a := &app{errOut: &said}
	p, err := compileJQ("--where", ".a > 1", a.say)
	if err != nil {
		t.Fatal(err)
	}
	matches := func(kind bus.Kind, body string) bool {
		t.Helper()
		yes, err := p.match(&record{topic: "t", kind: kind, body: []byte(body)})
		if err != nil {
			t.Fatal(err)
		}
		return yes
	}
	for body, want := range map[string]bool{
		`{"a":2}`: true, `{"a":1}`: false, `{"a":`: false, "": false, "text": false, `{"a":2} {"a":2}`: false, "{\"a\":\"\xff\"}": false, "null": false,
	} {
		if got := matches(bus.KindRaw, body); got != want {
			t.Errorf("%q: %v", body, got)
		}
	}
	if !matches(bus.KindMsgpack, "\x81\xa1a\x02") || matches(bus.KindMsgpack, "\x81\xa1a") {
		t.Error("msgpack")
	}
	if said.Len() > 0 || p.failed != 0 {
		t.Errorf("%d failed: %s", p.failed, said.String())
	}
	for range 3 {
		if matches(bus.KindRaw, "[1]") {
			t.Error("an array matches")
		}
	}
	p.end()
	if p.failed != 3 || strings.Count(said.String(), "\n") != 2 || !strings.Contains(said.String(), "failed on 3 frames") {
		t.Errorf("%d failed: %s", p.failed, said.String())
	}
}

// A jq expression may have results without an end: a reader that goes away ends it.
func TestAClosedOutputEndsJQ(t *testing.T) {
	p, err := compileJQ("--jq", "repeat(1)", nil)
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	_ = r.Close()
	err = (&jqForm{program: p}).write(bufio.NewWriter(w), &record{body: []byte("1")})
	if !errors.Is(err, errOutputClosed) {
		t.Error(err)
	}
}

// The plain forms take no memory for each frame.
func TestPlainOutputDoesNotAllocate(t *testing.T) {
	format, err := parseFormat(`%t %p %T %x\n`)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(io.Discard)
	r := &record{topic: "topic", body: []byte(`{"a": "body"}`), time: time.Unix(1700000000, 1)}
	for name, f := range map[string]form{
		"lines": &plainForm{end: "\n"}, "length-prefixed": prefixedForm{}, "hex": &hexForm{}, "format": format,
		"escaped": &plainForm{end: "\n", terminal: true},
	} {
		if n := testing.AllocsPerRun(1000, func() { _ = f.write(w, r) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
