package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestALogThatIsShortenedIsFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	write := func(how int, text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|how, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString(text)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	write(os.O_TRUNC, "one\ntwo\n")
	var out bytes.Buffer
	v := &logView{path: path, out: &out}
	if err := v.tail(100); err != nil {
		t.Fatal(err)
	}
	defer func() { v.f.Close() }()
	done, cancel := context.WithCancel(t.Context())
	cancel()
	shows := func(want string) {
		t.Helper()
		for range 2 { // what it goes back for it shows at the next look
			if err := v.follow(done); !errors.Is(err, context.Canceled) { // it has looked once
				t.Fatal(err)
			}
		}
		if got := out.String(); got != want {
			t.Errorf("it shows %q, want %q", got, want)
		}
		out.Reset()
	}
	shows("one\ntwo\n")
	write(os.O_TRUNC, "3\n")
	shows("3\n")
	write(os.O_APPEND, "half of")
	shows("")
	if err := os.Truncate(path, 2); err != nil {
		t.Fatal(err)
	}
	shows("")
	write(os.O_APPEND, "another\nhalf")
	shows("another\n")
	write(os.O_TRUNC, "")
	shows("")
	write(os.O_APPEND, "anew\n")
	shows("anew\n")
}
