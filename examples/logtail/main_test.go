package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestTheDemoFollowsThroughTruncationAndRotationAndEnds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no shared segments on " + runtime.GOOS)
	}
	var out bytes.Buffer
	if err := run(t.Context(), options{}, []string{"demo"}, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		`archive: all 60000 lines, byte for byte`,
		`count: [0-9]+ of [0-9]+ lines match "\^ERROR", [0-9]+ lines were missed`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("nothing matches %q in:\n%s", want, &out)
		}
	}
}

func TestWrongUsageIsAnError(t *testing.T) {
	o := options{dir: filepath.Join(t.TempDir(), "bus"), topic: "t"}
	for _, args := range [][]string{nil, {"follow"}, {"dance", "x"}, {"count", "("}} {
		if err := run(t.Context(), o, args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// A file is changed by steps, and after each the tail is asked what is new.
func TestTail(t *testing.T) {
	write := func(flag int, text string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteString(text); err != nil {
				t.Fatal(err)
			}
		}
	}
	add := func(text string) func(*testing.T, string) { return write(os.O_APPEND, text) }
	anew := func(text string) func(*testing.T, string) { return write(os.O_TRUNC, text) }
	rotate := func(text string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			add(text)(t, path)
		}
	}
	type step struct {
		do   func(*testing.T, string)
		want string // lines, with a '|' between them
	}
	for name, steps := range map[string][]step{
		"a file that comes late":     {{func(*testing.T, string) {}, ""}, {add("a\nb\n"), "a|b"}},
		"appended lines":             {{add("a\n"), "a"}, {add("b\nc\n"), "b|c"}, {func(*testing.T, string) {}, ""}},
		"half a line":                {{add("a"), ""}, {add("b\nc"), "ab"}, {add("\n"), "c"}},
		"empty lines":                {{add("\n\na\n"), "||a"}},
		"truncated":                  {{add("aaa\nbbb\n"), "aaa|bbb"}, {anew("c\n"), "c"}, {add("d\n"), "d"}},
		"truncated within a line":    {{add("aaa\nbbb"), "aaa"}, {anew("c\n"), "c"}},
		"replaced":                   {{add("a\n"), "a"}, {rotate("b\n"), "b"}, {add("c\n"), "c"}},
		"replaced within a line":     {{add("a"), ""}, {rotate("b\n"), "a|b"}},
		"replaced by a longer file":  {{add("a\n"), "a"}, {rotate("b\nc\nd\n"), "b|c|d"}},
		"a line that is too long":    {{add("0123456789abcdef012\nx\n"), "01234567|89abcdef|012|x"}},
		"a line of the most allowed": {{add("01234567\n01234567\nx\n"), "01234567|01234567|x"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			var got []string
			tl := &tail{path: path, most: 8, emit: func(line []byte) error {
				got = append(got, string(line))
				return nil
			}}
			defer tl.close()
			for i, s := range steps {
				s.do(t, path)
				got = nil
				if err := tl.poll(); err != nil {
					t.Fatal(err)
				}
				var want []string
				if s.want != "" {
					want = strings.Split(s.want, "|")
				}
				if !slices.Equal(got, want) {
					t.Errorf("step %d gave %q, want %q", i, got, want)
				}
			}
		})
	}
}

func TestTailSkipsWhatIsThereAndStopsAtAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	tl := &tail{path: path, most: 8, emit: func([]byte) error { return full }}
	defer tl.close()
	if err := errors.Join(tl.skip(), tl.poll()); err != nil {
		t.Fatalf("old lines were given: %v", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("new\n"); err != nil {
		t.Fatal(err)
	}
	if err := tl.poll(); !errors.Is(err, full) {
		t.Errorf("poll gave %v, want %v", err, full)
	}
}
