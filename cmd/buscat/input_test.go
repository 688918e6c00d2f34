package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// readFrames is all frames of an input, and the error after them.
func readFrames(r io.Reader, s splitter) (frames []string, err error) {
	frames, refused, err := readAll(newPieces(r, s))
	return frames, errors.Join(append(refused, err)...)
}

// newPieces is a source that cuts a reader once.
func newPieces(r io.Reader, s splitter) source {
	return &pieces{r: r, s: s}
}

// readAll is all frames of a source, what it refused, and the error after them, nil for io.EOF.
func readAll(s source) (frames []string, refused []error, err error) {
	in := newInput(s, false)
	defer in.close()
	for {
		b := <-in.full
		for _, f := range b.frames {
			frames = append(frames, string(f))
		}
		refused = append(refused, b.refused...)
		if b.err == io.EOF {
			return frames, refused, nil
		}
		if b.err != nil {
			return frames, refused, b.err
		}
		in.free <- b
	}
}

func TestEachLineIsAFrame(t *testing.T) {
	for in, want := range map[string][]string{
		"":          nil,
		"\n":        {""},
		"a\nb\n":    {"a", "b"},
		"a\nb":      {"a", "b"},
		"a\n\n\r\n": {"a", "", "\r"},
	} {
		got, err := readFrames(strings.NewReader(in), newLines(100))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestALineThatIsTooLongIsNamed(t *testing.T) {
	for _, end := range []string{"", "\n", "\nmore\n"} {
		got, err := readFrames(iotest.OneByteReader(strings.NewReader("ok\n12345\n123456"+end)), newLines(5))
		want := []string{"ok", "12345"}
		if strings.HasSuffix(end, "more\n") {
			want = append(want, "more") // it goes on
		}
		if !slices.Equal(got, want) || !errors.As(err, new(*tooLongError)) || !strings.Contains(err.Error(), "line 3 ") {
			t.Errorf("%q: %q, %v", end, got, err)
		}
	}
}

func TestTruncatedInputIsExplained(t *testing.T) {
	for in, want := range map[string]string{
		"\x00\x00":                          "within the length of frame 1: 2 of 4 bytes",
		"\x00\x00\x00\x01a\x00\x00\x00":     "within the length of frame 2: 3 of 4 bytes",
		"\x00\x00\x00\x05abc":               "within frame 1: 3 of 5 bytes",
		"\x00\x00\x00\x05":                  "within frame 1: 0 of 5 bytes",
		"\x00\x00\x00\x01a\x00\x00\x01\x00": "frame 2 of the input has 256 bytes",
	} {
		if _, err := readFrames(strings.NewReader(in), &prefixed{max: 100}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

// chopped is a reader that gives its data in pieces of given sizes.
type chopped struct {
	data  []byte
	sizes []int
}

func (c *chopped) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := len(c.data)
	if len(c.sizes) > 0 {
		n = c.sizes[0]
		c.sizes = c.sizes[1:]
	}
	n = copy(p, c.data[:min(n, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

func TestFramesDoNotDependOnHowTheyAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 5), rapid.IntRange(0, 300<<10))
		want := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat("x", size.Draw(t, "size"))
		}), 0, 20).Draw(t, "frames")
		sizes := rapid.SliceOf(rapid.IntRange(1, 100<<10)).Draw(t, "reads")
		var text, binaryText bytes.Buffer
		for _, f := range want {
			text.WriteString(f + "\n")
			binaryText.Write(binary.BigEndian.AppendUint32(nil, uint32(len(f))))
			binaryText.WriteString(f)
		}
		for _, c := range []struct {
			data []byte
			s    splitter
		}{{text.Bytes(), newLines(300 << 10)}, {binaryText.Bytes(), &prefixed{max: 300 << 10}}} {
			got, err := readFrames(&chopped{c.data, sizes}, c.s)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("%d frames became %d: %v", len(want), len(got), err)
			}
		}
	})
}

func TestAReadThatWaitsHoldsNothingBack(t *testing.T) {
	r, w := io.Pipe()
	in := newInput(newPieces(r, newLines(100)), false)
	defer in.close()
	defer w.Close()
	for _, s := range []string{"one\n", "two\nthree\nfo", "ur\n"} {
		if _, err := io.WriteString(w, s); err != nil {
			t.Fatal(err)
		}
		if b := <-in.full; len(b.frames) != strings.Count(s, "\n") {
			t.Fatalf("%q: %q", s, b.frames)
		} else {
			in.free <- b
		}
	}
}
