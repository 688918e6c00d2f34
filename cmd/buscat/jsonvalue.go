package main

import (
	"bytes"
	"encoding/json"
)

// A valueReader makes of JSON text what gojq works on: as encoding/json does with UseNumber, in a third of the time, because the text is known
// to be valid. It keeps the keys of objects, which come again with each frame, and leaves out what nobody looks at.
type valueReader struct {
	jsonReader
	only map[string]bool // of the text's own members, those that somebody looks at; nil: all
	keys map[string]string
}

const (
	mostKeys = 1024 // that are kept
	longKey  = 64   // bytes of one that is not
	longInt  = 18   // digits, and a sign: more may not fit into an int64
)

// value is the value of valid JSON text.
func (r *valueReader) value(text []byte) any {
	r.src, r.at = text, 0
	if r.only != nil && r.peek() == '{' {
		return r.object(func(key string) bool { return r.only[key] })
	}
	return r.next()
}

func (r *valueReader) next() any {
	switch r.peek() {
	case '{':
		return r.object(nil)
	case '[':
		return r.array()
	case '"':
		return unquote(r.quoted())
	case 't':
		r.at += len("true")
		return true
	case 'f':
		r.at += len("false")
		return false
	case 'n':
		r.at += len("null")
		return nil
	}
	return r.number()
}

// object is an object with those members that are wanted, or all.
func (r *valueReader) object(wanted func(key string) bool) map[string]any {
	m := make(map[string]any)
	r.at++
	for r.peek() != '}' {
		if r.src[r.at] == ',' {
			r.at++
			r.peek()
		}
		key := r.key()
		r.peek() // the colon
		r.at++
		if wanted == nil || wanted(key) {
			m[key] = r.next()
		} else {
			r.skip()
		}
	}
	r.at++
	return m
}

// skip passes over a value.
func (r *valueReader) skip() {
	r.peek()
	for depth := 0; r.at < len(r.src); {
		switch r.src[r.at] {
		case '"':
			r.quoted()
		case '{', '[':
			depth++
			r.at++
		case '}', ']':
			if depth--; depth < 0 { // of what it is in
				return
			}
			r.at++
		case ',':
			if depth == 0 {
				return
			}
			r.at++
		default:
			r.at++
		}
	}
}

func (r *valueReader) array() []any {
	a := []any{}
	r.at++
	for r.peek() != ']' {
		if r.src[r.at] == ',' {
			r.at++
		}
		a = append(a, r.next())
	}
	r.at++
	return a
}

// key is an object's key.
func (r *valueReader) key() string {
	quoted := r.quoted()
	if key, known := r.keys[string(quoted)]; known {
		return key
	}
	key := unquote(quoted)
	if len(quoted) <= longKey && len(r.keys) < mostKeys {
		if r.keys == nil {
			r.keys = make(map[string]string)
		}
		r.keys[string(quoted)] = key
	}
	return key
}

// quoted is a string with its quotes.
func (r *valueReader) quoted() []byte {
	start := r.at
	for r.at++; r.src[r.at] != '"'; r.at++ {
		if r.src[r.at] == '\\' {
			r.at++
		}
	}
	r.at++
	return r.src[start:r.at]
}

// unquote is what valid JSON text of a string stands for.
func unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // it is valid
	return s
}

// number is an int where that is the same to gojq, and to whoever reads what it prints; or the text, so that all its digits stay.
func (r *valueReader) number() any {
	start, n, whole := r.at, 0, true
	for ; r.at < len(r.src); r.at++ {
		switch c := r.src[r.at]; {
		case '0' <= c && c <= '9':
			n = 10*n + int(c-'0')
		case c == '-' && r.at == start:
		case c == '.', c == 'e', c == 'E', c == '+', c == '-':
			whole = false
		default:
			return toNumber(r.src[start:r.at], n, whole)
		}
	}
	return toNumber(r.src[start:], n, whole)
}

func toNumber(text []byte, n int, whole bool) any {
	negative := text[0] == '-'
	if !whole || len(text) > longInt || n == 0 { // zeros have a sign
		return json.Number(text)
	}
	if negative {
		n = -n
	}
	return n
}
