package main

import (
	"unicode"
	"unicode/utf8"
)

// appendEscaped appends b with its control characters, and what is no UTF-8, written as escapes: a terminal would obey them.
func appendEscaped(dst, b []byte) []byte {
	const hex = "0123456789abcdef"
	for len(b) > 0 {
		if c := b[0]; c >= ' ' && c < 0x7f {
			dst = append(dst, c)
			b = b[1:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		switch {
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == utf8.RuneError && n == 1, unicode.IsControl(r):
			for _, c := range b[:n] {
				dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
			}
		default:
			dst = append(dst, b[:n]...)
		}
		b = b[n:]
	}
	return dst
}
