package main

import (
	"encoding/json"
	"testing"
)

// TestHalfCharactersAreReplaced: an escape of one half of a pair is refused by other programs.
func TestHalfCharactersAreReplaced(t *testing.T) {
	for text, want := range map[string]string{
		`"\ud800"`:               `"\ufffd"`,
		`"\uDC00\ud800"`:         `"\ufffd\ufffd"`,
		`{"\udbffx":"\ud83d\n"}`: `{"\ufffdx":"\ufffd\n"}`,
		`"\ud83d\ude00"`:         `"\ud83d\ude00"`,
		`"\ud83d\ud83d\ude00"`:   `"\ufffd\ud83d\ude00"`,
		`"\\ud800\\"`:            `"\\ud800\\"`,
		`"\\\ud800"`:             `"\\\ufffd"`,
		`"\u00e4\"é"`:            `"\u00e4\"é"`,
	} {
		b := []byte(text)
		pairSurrogates(b)
		if string(b) != want || !json.Valid(b) {
			t.Errorf("%s: %s, want %s", text, b, want)
		}
	}
	for _, text := range []string{`\`, `\u`, `\ud8`, `\ud800\u`} { // no JSON
		pairSurrogates([]byte(text))
	}
}
