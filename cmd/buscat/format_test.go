package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shmbus/bus"
)

// written is what a form writes of a record.
func written(t interface{ Fatal(...any) }, f form, r *record) string {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := f.write(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAFormatIsWhatItSays(t *testing.T) {
	r := &record{
		topic: "a/\u009b", position: 7, sequence: 3, publisher: 2, body: []byte("x\x1b\xff"),
		time: time.Unix(1700000000, 120000000),
	}
	utc := time.Local
	time.Local = time.UTC
	defer func() { time.Local = utc }()
	for format, want := range map[string]string{
		"":                             "",
		"%%%p%%":                       "%7%",
		`\\n\n\0`:                      "\\n\n\x00",
		"%t|%s|%P|%k|%l":               "a/\u009b|3|2|raw|3",
		"%b":                           "x\x1b\xff",
		"%x%B%j":                       `781bffeBv/"eBv/"`,
		"é%pé":                         "é7é",
		"%T":                           "2023-11-14T22:13:20.12Z",
		"%T{rfc3339}}":                 "2023-11-14T22:13:20Z}",
		"%T{unix}.%T{unixmilli}":       "1700000000.1700000000120",
		"%T{unixmicro}.%T{unixnano}":   "1700000000120000.1700000000120000000",
		"%T{%H:%M:%S}":                 "22:13:20",
		"%T{15h04.00}":                 "22h13.12",
		"%T{Monday, 02-Jan-06}, %t%p.": "Tuesday, 14-Nov-23, a/\u009b7.",
	} {
		f, err := parseFormat(format)
		if err != nil {
			t.Errorf("%q: %v", format, err)
			continue
		}
		if got := written(t, f, r); got != want {
			t.Errorf("%q: %q, want %q", format, got, want)
		}
	}
	for format, want := range map[string]string{
		"%": "nothing follows", "a\\": "nothing follows", "%é": "%é is none of", "%\xff": "is none of", `\x41`: `\x is none of`,
		"%T{": "no }", "%T{}": "%T{}: it is", "%T{never}": "%T{never}: it is", "%T{%%}": "%T{%%}: it is", "% t": "%  is none of",
	} {
		if _, err := parseFormat(format); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", format, err, want)
		}
	}
}

// A terminal gets no control bytes from frames and from names; what the user has written himself stays.
func TestAFormatOnATerminalEscapes(t *testing.T) {
	f, err := parseFormat(`%t %b %j\t\n`)
	if err != nil {
		t.Fatal(err)
	}
	f.terminal = true
	got := written(t, f, &record{topic: "\u009b", body: []byte("\x1b[1m\xff")})
	if want := `\xc2\x9b \x1b[1m\xff "G1sxbf8="` + "\t\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestNoFormatPanics: any text is a format or an error, and a format prints any record.
func TestNoFormatPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.OneOf(
			rapid.SampledFrom([]string{"%", "\\", "{", "}", "%T{", "%T{%", "%b", "%j", "%T", "n", "0", "-", "_", "^", "#", ":", "9999", "15", "z"}),
			rapid.String(),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 3), func(b []byte) string { return string(b) }),
		)).Draw(t, "format")
		tryFormat(t, strings.Join(pieces, ""), rapid.SliceOf(rapid.Byte()).Draw(t, "body"), rapid.Bool().Draw(t, "msgpack"))
	})
}

func FuzzFormat(f *testing.F) {
	for _, s := range []string{`%t %p %s %T{rfc3339} %k %l %b\n`, "%T{%-d%_H%^a%#Z%::z%1000c}", `%j%x%B%%\0`, "%T{"} {
		f.Add(s, []byte("\x81\xa1a\x01"), true)
	}
	f.Fuzz(func(t *testing.T, format string, body []byte, msgpack bool) { tryFormat(t, format, body, msgpack) })
}

func tryFormat(t interface{ Fatal(...any) }, format string, body []byte, msgpack bool) {
	f, err := parseFormat(format)
	if err != nil {
		return
	}
	r := &record{topic: "t", time: time.Unix(1, 2), body: body}
	if msgpack {
		r.kind = bus.KindMsgpack
	}
	f.odd = func(*record, error) {}
	first := written(t, f, r)
	if again := written(t, f, r); first != again {
		t.Fatal(format, first, again)
	}
	r.time = time.Time{}
	written(t, f, r)
}
