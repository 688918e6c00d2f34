package plugins

import (
	"errors"
	"strings"
	"testing"
)

func TestHandshakesAreReadAsTheyAreWritten(t *testing.T) {
	for line, want := range map[string]Handshake{
		"shmbus-plugin 1 bus":                {1, Direct, ""},
		"shmbus-plugin 1 frames":             {1, Frames, ""},
		"shmbus-plugin 1 lines a/b":          {1, Lines, "a/b"},
		"shmbus-plugin 1 lines a topic of ü": {1, Lines, "a topic of ü"},
	} {
		for _, end := range []string{"", "\n", "\r\n"} {
			got, err := ParseHandshake(line + end)
			if err != nil || got != want || got.String() != line {
				t.Errorf("%q: %+v, %v", line+end, got, err)
			}
		}
	}
}

func TestWhatIsNoHandshakeIsSaidSo(t *testing.T) {
	for line, want := range map[string]string{
		"":                             "the first line of standard output is none",
		"hello":                        "is none",
		"shmbus-plugins 1 bus":         "is none",
		"shmbus-plugin":                "version",
		"shmbus-plugin 2 bus":          `version "2" is not spoken here`,
		"shmbus-plugin 01 bus":         "version",
		"shmbus-plugin  1 bus":         "version",
		"shmbus-plugin 1":              "no contract",
		"shmbus-plugin 1 ":             "no contract",
		"shmbus-plugin 1 buses":        `no contract "buses"`,
		"shmbus-plugin 1 bus x":        "no topic of their own",
		"shmbus-plugin 1 bus ":         "no topic of their own",
		"shmbus-plugin 1 frames x":     "no topic of their own",
		"shmbus-plugin 1 lines":        "lines need a topic",
		"shmbus-plugin 1 lines ":       "lines need a topic",
		"shmbus-plugin 1 lines a\nb":   "control byte",
		"shmbus-plugin 1 lines a//b":   "bad topic name",
		"shmbus-plugin 1 lines $bus/x": "is busd's",
		"shmbus-plugin 1 lines " + strings.Repeat("x", 300): "bad topic name",
	} {
		_, err := ParseHandshake(line)
		if !errors.Is(err, ErrHandshake) || !strings.Contains(err.Error(), want) || len(err.Error()) > 1000 {
			t.Errorf("%q: %v, want %q", line, err, want)
		}
	}
}

func FuzzHandshake(f *testing.F) {
	f.Add("shmbus-plugin 1 lines a/b\n")
	f.Add("shmbus-plugin 1 frames")
	f.Fuzz(func(t *testing.T, line string) {
		h, err := ParseHandshake(line)
		if err != nil {
			if !errors.Is(err, ErrHandshake) {
				t.Errorf("%q: %v", line, err)
			}
			return
		}
		if again, err := ParseHandshake(h.String()); err != nil || again != h {
			t.Errorf("%q: %+v, then %+v, %v", line, h, again, err)
		}
	})
}
