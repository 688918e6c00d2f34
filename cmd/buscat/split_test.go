package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func TestDelimitersAreWrittenWithGosEscapes(t *testing.T) {
	for in, want := range map[string]string{
		`,`: ",", `\t`: "\t", `\x00`: "\x00", `\xff\xfe`: "\xff\xfe", `\n\n`: "\n\n", `ä`: "ä", `\u00e4`: "ä", `"'`: `"'`, `\\n`: `\n`, `\000`: "\x00",
	} {
		if got, err := parseDelimiter(in); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", `\`, `a\q`, `\x0`, `\400`} {
		if got, err := parseDelimiter(in); err == nil {
			t.Errorf("%s is %q", in, got)
		}
	}
}

// TestFramesEndWithTheirDelimiter against strings.Split, with delimiters that overlap themselves, however the input is read.
func TestFramesEndWithTheirDelimiter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		delimiter := rapid.SampledFrom([]string{"a", "ab", "aa", "aba", "abab"}).Draw(t, "delimiter")
		text := rapid.StringMatching("[ab]{0,40}").Draw(t, "text")
		most := rapid.IntRange(0, 8).Draw(t, "most")
		sizes := rapid.SliceOf(rapid.IntRange(1, 5)).Draw(t, "reads")
		var want []string
		refused := 0
		all := strings.Split(text, delimiter)
		if all[len(all)-1] == "" {
			all = all[:len(all)-1]
		}
		for _, f := range all {
			if len(f) > most {
				refused++
			} else {
				want = append(want, f)
			}
		}
		s := &delimited{delimiter: []byte(delimiter), unit: "frame", max: most}
		got, no, err := readAll(newPieces(&chopped{[]byte(text), sizes}, s))
		if err != nil || !slices.Equal(got, want) || len(no) != refused {
			t.Fatalf("%q at %q: %q and %d refused, want %q and %d; %v", text, delimiter, got, len(no), want, refused, err)
		}
	})
}

func TestWhatIsTooLongIsSteppedOver(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	var binaryText bytes.Buffer
	for _, f := range []string{"one", big, "two", big} {
		binaryText.Write(binary.BigEndian.AppendUint32(nil, uint32(len(f))))
		binaryText.WriteString(f)
	}
	for name, c := range map[string]struct {
		text  string
		s     splitter
		first string
	}{
		"lines":    {"one\n" + big + "\ntwo\n" + big, newLines(1000), "line 2 has more than 1000 bytes"},
		"prefixed": {binaryText.String(), &prefixed{max: 1000}, "frame 2 of the input has 1048576 bytes"},
	} {
		got, refused, err := readAll(newPieces(strings.NewReader(c.text), c.s))
		if err != nil || !slices.Equal(got, []string{"one", "two"}) || len(refused) != 2 || !strings.Contains(refused[0].Error(), c.first) {
			t.Errorf("%s: %d frames, %v, %v", name, len(got), refused, err)
		}
	}
	_, refused, err := readAll(newPieces(bytes.NewReader(binaryText.Bytes()[:5000]), &prefixed{max: 1000}))
	if len(refused) != 1 || err == nil || !strings.Contains(err.Error(), "ends within frame 2") {
		t.Errorf("truncated in a frame that is refused: %v, %v", refused, err)
	}
	got, refused, err := readAll(newPieces(iotest.OneByteReader(strings.NewReader(big[:5000])), &whole{max: 1000}))
	if err != nil || len(got) != 0 || len(refused) != 1 || !strings.Contains(refused[0].Error(), "the input has more than 1000 bytes") {
		t.Errorf("whole: %d frames, %v, %v", len(got), refused, err)
	}
}

func TestTheWholeInputIsOneFrame(t *testing.T) {
	for _, text := range []string{"", "a", "a\nb\x00\n", strings.Repeat("x", 300<<10)} {
		got, refused, err := readAll(newPieces(iotest.HalfReader(strings.NewReader(text)), &whole{max: 300 << 10}))
		if err != nil || !slices.Equal(got, []string{text}) || len(refused) != 0 {
			t.Errorf("%d bytes became %d frames, %v, %v", len(text), len(got), refused, err)
		}
	}
}

func TestStrictInputEndsWithWhatIsRefused(t *testing.T) {
	in := newInput(newPieces(strings.NewReader("1\n2\n333\n4\n"), newLines(2)), true)
	defer in.close()
	b := <-in.full
	if len(b.frames) != 2 || !errors.As(b.err, new(*tooLongError)) {
		t.Errorf("%q, %v", b.frames, b.err)
	}
}

// TestRepeatedInputComesAgain from pipes and from files, without joining the last line to the first, and is refused once.
func TestRepeatedInputComesAgain(t *testing.T) {
	const text = "one\nmuch too long\ntwo"
	name := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(name, []byte("skipped\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Seek(8, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	for kind, r := range map[string]io.Reader{"pipe": iotest.DataErrReader(strings.NewReader(text)), "file": file} {
		o := &pubOptions{repeat: 3}
		got, refused, err := readAll(o.source(r, nil, 5))
		if err != nil || strings.Join(got, " ") != "one two one two one two" || len(refused) != 1 {
			t.Errorf("%s: %q, %v, %v", kind, got, refused, err)
		}
	}
	o := &pubOptions{repeat: 0}
	if got, refused, err := readAll(o.source(strings.NewReader("much too long"), nil, 5)); len(got) != 0 || len(refused) != 1 || err != nil {
		t.Errorf("nothing for ever: %q, %v, %v", got, refused, err)
	}
	if err := os.WriteFile(name, []byte("123456"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.repeat = 2
	got, refused, err := readAll(o.source(nil, []string{name, name + "-not", name}, 6))
	if err != nil || strings.Join(got, " ") != "123456 123456 123456 123456" || len(refused) != 1 {
		t.Errorf("files: %q, %v, %v", got, refused, err)
	}
}

func TestAPipeThatIsTooLongToBeRepeatedIsAnError(t *testing.T) {
	k, r := newKeeper(io.LimitReader(zeros{}, 1000001), 1000000)
	if _, err := io.Copy(io.Discard, r); err == nil || !strings.Contains(err.Error(), "give it as a file") {
		t.Errorf("%d bytes kept: %v", k.kept.Len(), err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func BenchmarkLines(b *testing.B) {
	var text bytes.Buffer
	for i := range 100000 {
		fmt.Fprintln(&text, i)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		in := newInput(newPieces(bytes.NewReader(text.Bytes()), newLines(1000)), false)
		for n := 0; n < 100000; {
			batch := <-in.full
			n += len(batch.frames)
			in.free <- batch
		}
		in.close()
	}
}
