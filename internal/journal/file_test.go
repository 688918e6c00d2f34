package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entry is an entry of n bytes.
func entry(n int) []byte { return []byte(`"` + strings.Repeat("x", n-3) + "\"\n") }

func write(t *testing.T, l *File, b []byte) {
	t.Helper()
	if _, err := l.Write(b); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path string, most int64) *File {
	t.Helper()
	l, err := OpenFile(path, "p", most)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// is fails the test unless the file has so many bytes.
func is(t *testing.T, path string, want int64) {
	t.Helper()
	if i, err := os.Stat(path); err != nil || i.Size() != want || i.Mode().Perm() != 0o600 {
		t.Errorf("%s: %+v, %v; want %d bytes", path, i, err, want)
	}
}

func TestALogIsSetAsideWhenItIsLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := open(t, path, 8000)
	for range 20 {
		write(t, l, entry(1000))
	}
	is(t, path, 4000)
	is(t, path+".1", 8000)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, path, 8000)
	for range 5 {
		write(t, l, entry(1000))
	}
	is(t, path, 1000)
}

func TestALogThatWasShortenedByHandIsNotSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := open(t, path, 8000)
	write(t, l, entry(7000))
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if err := l.Keep(); err != nil {
		t.Fatal(err)
	}
	write(t, l, entry(2000))
	is(t, path, 2000)
	if _, err := os.Stat(path + ".1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing was to be set aside: %v", err)
	}
}

func TestALogThatCannotBeSetAsideIsShortened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := open(t, path, 8000)
	if err := os.MkdirAll(filepath.Join(path+".1", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 9 {
		write(t, l, entry(1000))
	}
	is(t, path, 1000)
}

func TestALogThatWasRemovedIsMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := open(t, path, 8000)
	write(t, l, entry(1000))
	if err := l.Keep(); err != nil {
		t.Fatal(err)
	}
	is(t, path, 1000) // it was there
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Keep(); err != nil {
		t.Fatal(err)
	}
	write(t, l, entry(2000))
	is(t, path, 2000)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 8 { // it is long before anybody has looked
		write(t, l, entry(1000))
	}
	is(t, path, 2000)
	if _, err := os.Stat(path + ".1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing was to be set aside: %v", err)
	}
}

// lines is the messages and the counts of what was lost, of a log whose lines have to be whole.
func lines(t *testing.T, b []byte) (all []any) {
	t.Helper()
	for line := range bytes.Lines(b) {
		var v any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%.80q: %v", line, err)
		}
		if m, ok := v.(map[string]any); ok {
			v = m["entries"]
		}
		all = append(all, v)
	}
	return all
}
