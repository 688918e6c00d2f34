package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/itchyny/timefmt-go"
)

// A formatForm prints what --format says.
type formatForm struct {
	parts    []formatPart
	terminal bool // no control bytes from frames, please
	odd      func(r *record, err error)
	buf      []byte
	body     []byte
	scratch  bytes.Buffer
}

// A formatPart is text that stands for itself, or a verb.
type formatPart struct {
	verb byte // 0: text
	text string
	time timeFormat // of %T
}

type timeFormat func(dst []byte, t time.Time) []byte

// formatVerbs are the verbs there are.
const formatVerbs = "tpsPTklbjxB%"

// parseFormat reads a format.
func parseFormat(s string) (*formatForm, error) {
	f := &formatForm{}
	text := []byte(nil)
	end := func() {
		if len(text) > 0 {
			f.parts = append(f.parts, formatPart{text: string(text)})
			text = nil
		}
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '%' && c != '\\' {
			text = append(text, c)
			continue
		}
		if i++; i == len(s) {
			return nil, fmt.Errorf("nothing follows the %q at its end; %q is the sign itself", c, []byte{c, c})
		}
		what := firstRune(s[i:])
		switch {
		case c == '\\':
			at := strings.IndexByte(`nt0\`, s[i])
			if at < 0 {
				return nil, fmt.Errorf(`\%s is none of \n \t \0 \\`, what)
			}
			text = append(text, "\n\t\x00\\"[at])
		case s[i] == '%':
			text = append(text, '%')
		case strings.IndexByte(formatVerbs, s[i]) < 0:
			return nil, fmt.Errorf("%%%s is none of %%t topic, %%p position, %%s sequence, %%P publisher, %%T{layout} time, %%k kind, "+
				"%%l length, %%b body, %%j JSON, %%x hex, %%B base64, %%%%", what)
		default:
			end()
			p := formatPart{verb: s[i]}
			if p.verb == 'T' {
				layout, rest, err := braces(s[i+1:])
				if err == nil {
					p.time, err = parseTimeFormat(layout)
				}
				if err != nil {
					return nil, err
				}
				i = len(s) - len(rest) - 1
			}
			f.parts = append(f.parts, p)
		}
	}
	end()
	return f, nil
}

// firstRune is what an error names.
func firstRune(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}

// braces is what stands in braces at the beginning of s, and what comes behind them. Without braces it is RFC 3339.
func braces(s string) (inside, rest string, err error) {
	if !strings.HasPrefix(s, "{") {
		return "rfc3339nano", s, nil
	}
	inside, rest, closed := strings.Cut(s[1:], "}")
	if !closed {
		return "", "", errors.New("%T{ has no } that closes it")
	}
	return inside, rest, nil
}

// parseTimeFormat is what the layout in %T{layout} means: a name, strftime if there is a '%', or else a layout of Go.
func parseTimeFormat(layout string) (timeFormat, error) {
	number := func(f func(time.Time) int64) (timeFormat, error) {
		return func(dst []byte, t time.Time) []byte { return strconv.AppendInt(dst, f(t), 10) }, nil
	}
	switch layout {
	case "unix":
		return number(time.Time.Unix)
	case "unixmilli":
		return number(time.Time.UnixMilli)
	case "unixmicro":
		return number(time.Time.UnixMicro)
	case "unixnano":
		return number(time.Time.UnixNano)
	case "rfc3339":
		layout = time.RFC3339
	case "rfc3339nano":
		layout = time.RFC3339Nano
	}
	format := func(dst []byte, t time.Time) []byte { return t.Local().AppendFormat(dst, layout) }
	if strings.Contains(layout, "%") {
		format = func(dst []byte, t time.Time) []byte { return timefmt.AppendFormat(dst, t.Local(), layout) }
	}
	// A layout that prints the same for two times of which everything differs has nothing of a time in it.
	a := format(nil, time.Date(2001, 2, 3, 4, 5, 6, 123456789, time.Local))
	b := format(nil, time.Date(2012, 11, 19, 17, 38, 49, 987654321, time.Local))
	if bytes.Equal(a, b) {
		return nil, fmt.Errorf("%%T{%s}: it is rfc3339, rfc3339nano, unix, unixmilli, unixmicro, unixnano, strftime like %%H:%%M:%%S, "+
			"or a layout of Go like 15:04:05", layout)
	}
	return format, nil
}

func (f *formatForm) write(w *bufio.Writer, r *record) error {
	dst := f.buf[:0]
	for i := range f.parts {
		if p := &f.parts[i]; p.verb == 0 {
			dst = append(dst, p.text...)
		} else {
			dst = f.append(dst, p, r)
		}
	}
	f.buf = dst
	_, err := w.Write(dst)
	return outputError(err)
}

// append appends what a verb stands for.
func (f *formatForm) append(dst []byte, p *formatPart, r *record) []byte {
	switch p.verb {
	case 't':
		f.body = append(f.body[:0], r.topic...)
		return f.show(dst, f.body)
	case 'p':
		return strconv.AppendUint(dst, r.position, 10)
	case 's':
		return strconv.AppendUint(dst, r.sequence, 10)
	case 'P':
		return strconv.AppendUint(dst, r.publisher, 10)
	case 'T':
		if r.time.IsZero() {
			return append(dst, '-')
		}
		return p.time(dst, r.time)
	case 'k':
		return append(dst, r.kind.String()...)
	case 'l':
		return strconv.AppendInt(dst, int64(len(r.body)), 10)
	case 'b':
		return f.show(dst, r.body)
	case 'j':
		_, f.body = bodyJSON(f.body[:0], r, &f.scratch, f.odd)
		return f.show(dst, f.body)
	case 'x':
		return hex.AppendEncode(dst, r.body)
	default: // 'B'
		return base64.StdEncoding.AppendEncode(dst, r.body)
	}
}

// show appends what comes from a frame.
func (f *formatForm) show(dst, b []byte) []byte {
	if f.terminal {
		return appendEscaped(dst, b)
	}
	return append(dst, b...)
}
