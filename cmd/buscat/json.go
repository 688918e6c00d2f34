package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"shmbus/bus"
)

// bodyJSON is a body as JSON, and under which name it goes: "body" for msgpack, and for text that is JSON itself; "text" for other text;
// "base64" for everything else. A Buffer is scratch space.
func bodyJSON(dst []byte, r *record, scratch *bytes.Buffer, odd func(r *record)) (name string, out []byte) {
	if r.kind == bus.KindMsgpack {
		if out, err := appendJSON(dst, r.body); err == nil {
			return "body", out
		}
		odd(r)
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
	return len(b) > 0 && json.Compact(to, b) == nil
}

// A jsonForm prints each record as a JSON object on a line.
type jsonForm struct {
	terminal  bool
	odd       func(r *record)
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
