package main

import "bufio"

// A hexForm prints hex dumps that look like xxd's. Each frame begins at 0, an empty one has a line too.
type hexForm struct{ line []byte }

func (h *hexForm) write(w *bufio.Writer, r *record) error {
	const digits, row = "0123456789abcdef", 16
	for at := 0; at == 0 || at < len(r.body); at += row {
		b := r.body[at:min(at+row, len(r.body))]
		line := h.line[:0]
		for shift := 28; shift >= 0; shift -= 4 {
			line = append(line, digits[at>>shift&15])
		}
		line = append(line, ':')
		for i := range row {
			if i%2 == 0 {
				line = append(line, ' ')
			}
			if i < len(b) {
				line = append(line, digits[b[i]>>4], digits[b[i]&15])
			} else {
				line = append(line, "  "...)
			}
		}
		line = append(line, "  "...)
		for _, c := range b {
			if c < ' ' || c > '~' {
				c = '.'
			}
			line = append(line, c)
		}
		h.line = append(line, '\n')
		_, _ = w.Write(h.line)
	}
	return nil
}
