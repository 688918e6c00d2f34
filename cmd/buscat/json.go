package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"shmbus/bus"
)

// bodyJSON is a body as JSON, and under which name it goes: "body" for msgpack, and for text that is JSON itself; "text" for other text;
// "base64" for everything else. A Buffer is scratch space.
func bodyJSON(dst []byte, r *record, scratch *bytes.Buffer, odd func(r *record, err error)) (name string, out []byte) {
	if r.kind == bus.KindMsgpack {
		out, err := appendJSON(dst, r.body)
		if err == nil {
			return "body", out
		}
		odd(r, err)
	}
	switch {
	case !utf8.Valid(r.body):
		return "base64", appendBase64(dst, r.body)
	case compact(scratch, r.body):
		return "body", append(dst, scratch.Bytes()...)
	}
	return "text", appendString(dst, r.body)
}

// compact makes JSON text one line, and says whether it is JSON.
func compact(to *bytes.Buffer, b []byte) bool {
	to.Reset()
	if len(b) == 0 || json.Compact(to, b) != nil {
		return false
	}
	pairSurrogates(to.Bytes())
	return true
}

// pairSurrogates makes escapes that are half a character U+FFFD, in JSON: other programs refuse them, and --jq sees the same.
func pairSurrogates(b []byte) {
	const escape = len(`\uffff`)
	unit := func(b []byte) rune { // -1: there is no such escape
		if len(b) < escape || b[0] != '\\' || b[1] != 'u' {
			return -1
		}
		n, err := strconv.ParseUint(string(b[2:escape]), 16, 16)
		if err != nil {
			return -1
		}
		return rune(n)
	}
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 == len(b) {
			return
		}
		b = b[i:]
		switch u := unit(b); {
		case u < 0: // another escape
			b = b[2:]
		case !utf16.IsSurrogate(u):
			b = b[escape:]
		case utf16.DecodeRune(u, unit(b[escape:])) != unicode.ReplacementChar:
			b = b[2*escape:]
		default:
			copy(b, `\ufffd`)
			b = b[escape:]
		}
	}
}

// A jsonForm prints each record as a JSON object on a line.
type jsonForm struct {
	terminal  bool
	odd       func(r *record, err error)
	buf, body []byte
	scratch   bytes.Buffer
}

func (j *jsonForm) write(w *bufio.Writer, r *record) error {
	b := append(j.buf[:0], `{"topic":`...)
	b = appendString(b, []byte(r.topic))
	for _, n := range [...]struct {
		name  string
		value uint64
	}{{"position", r.position}, {"sequence", r.sequence}, {"publisher", r.publisher}} {
		b = append(b, ',', '"')
		b = append(b, n.name...)
		b = append(b, '"', ':')
		b = strconv.AppendUint(b, n.value, 10)
	}
	if !r.time.IsZero() {
		b = append(b, `,"time":"`...)
		b = r.time.UTC().AppendFormat(b, time.RFC3339Nano)
		b = append(b, '"')
	}
	b = append(b, `,"kind":"`...)
	b = append(b, r.kind.String()...)
	name := ""
	name, j.body = bodyJSON(j.body[:0], r, &j.scratch, j.odd)
	b = append(b, `","`...)
	b = append(b, name...)
	b = append(b, `":`...)
	b = append(b, j.body...)
	j.buf = append(b, '}')
	return writeLine(w, j.buf, j.terminal)
}
