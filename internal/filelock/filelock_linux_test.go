package filelock

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
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

// TestALockIsOfTheFileThatIsThere: the holder removes the file. Who had opened it before and gets the lock then has that of nothing, and tries again.
func TestALockIsOfTheFileThatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 500 {
				l, err := Try(path)
				if errors.Is(err, ErrHeld) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				mine, err := l.File().Stat()
				there, thereErr := os.Stat(path)
				if err != nil || thereErr != nil || !os.SameFile(mine, there) {
					t.Errorf("the lock of a file that is not there: %v, %v", err, thereErr)
				}
				if err := errors.Join(os.Remove(path), l.Close()); err != nil {
					t.Error(err)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
	all.Wait()
}

func TestALockKnowsThatItsFileWasRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Check(); err != nil {
		t.Errorf("it is there: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(); !errors.Is(err, ErrRemoved) {
		t.Errorf("it was removed: %v", err)
	}
	other, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := l.Check(); !errors.Is(err, ErrRemoved) {
		t.Errorf("it is another's: %v", err)
	}
}

func TestALockKnowsThatItsDirectoryIsAFileNow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := Try(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(); !errors.Is(err, ErrRemoved) {
		t.Errorf("it was removed: %v", err)
	}
}
