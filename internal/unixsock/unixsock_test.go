package unixsock

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func listen(t *testing.T) *Listener {
	t.Helper()
	l, err := Listen(filepath.Join(t.TempDir(), "sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestASocketThatWasRemovedComesBack(t *testing.T) {
	l := listen(t)
	accepted := make(chan error)
	go func() {
		for {
			c, err := l.Accept()
			accepted <- err
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	connect := func() {
		t.Helper()
		c, err := net.Dial("unix", l.path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := <-accepted; err != nil {
			t.Fatal(err)
		}
	}
	connect()
	for range 3 {
		if err := os.Remove(l.path); err != nil {
			t.Fatal(err)
		}
		if err := l.Keep(); err != nil {
			t.Fatal(err)
		}
		if i, err := os.Lstat(l.path); err != nil || i.Mode() != fs.ModeSocket|0o600 {
			t.Fatalf("%v, %v", i, err)
		}
		connect()
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("it is closed: %v", err)
	}
	if err := l.Keep(); err != nil {
		t.Fatal(err)
	}
	if all, err := filepath.Glob(filepath.Join(filepath.Dir(l.path), ".*")); err != nil || len(all) > 0 {
		t.Errorf("%q is left, %v", all, err)
	}
	if _, err := os.Lstat(l.path); err == nil {
		t.Error("the socket is left")
	}
}

func TestTheSocketOfAnotherIsLeftAlone(t *testing.T) {
	l := listen(t)
	if err := os.Remove(l.path); err != nil {
		t.Fatal(err)
	}
	other, err := Listen(l.path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(l.path); err != nil {
		t.Error(err)
	}
}

func TestWhereASocketCannotBeItSaysWhy(t *testing.T) {
	dir := t.TempDir()
	fits := filepath.Join(dir, strings.Repeat("x", MaxPath-len(dir)-len("//sock")))
	if err := os.Mkdir(fits, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(filepath.Join(fits, "sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err = Listen(filepath.Join(fits, "xsock")); err == nil || !strings.Contains(err.Error(), "at most 107 bytes, this one has 108") {
		t.Errorf("%v", err)
	}
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("%v", err)
	}
}
