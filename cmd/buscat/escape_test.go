package main

import "testing"

func TestControlBytesAreEscaped(t *testing.T) {
	for in, want := range map[string]string{
		"plain ä 🙂":      "plain ä 🙂",
		"a\x1b[31mred":   `a\x1b[31mred`,
		"a\tb\r\nc\x00":  `a\tb\r\nc\x00`,
		"\x7f":           `\x7f`,
		"\u0085":         `\xc2\x85`,
		"\xff\xfe":       `\xff\xfe`,
		`back\slash`:     `back\slash`,
		"\ufffd is fine": "\ufffd is fine",
		"":               "",
	} {
		if got := string(appendEscaped(nil, []byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzEscapedHasNoControls(f *testing.F) {
	f.Add([]byte("a\x1b\xc2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, r := range string(appendEscaped(nil, b)) {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				t.Fatalf("%q left %q", b, r)
			}
		}
	})
}
