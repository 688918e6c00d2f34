package filelock

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestALockIsHeldByOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	want := func(want bool) {
		t.Helper()
		if h, err := Held(path); err != nil || h != want {
			t.Fatalf("held: %v, %v; want %v", h, err, want)
		}
	}
	want(false)
	if err := Wait(path); err != nil {
		t.Fatal(err)
	}
	l, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	want(true)
	if _, err := Try(path); !errors.Is(err, ErrHeld) {
		t.Fatalf("a second time: %v", err)
	}
	free := make(chan error, 1)
	go func() { free <- Wait(path) }()
	select {
	case err := <-free:
		t.Fatalf("the wait has ended while the lock was held: %v", err)
	default:
	}
	want(true)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-free; err != nil {
		t.Fatal(err)
	}
	want(false)
	if l, err = Try(path); err != nil {
		t.Fatal(err)
	}
	l.Close()
}
