package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// upTo lets this process write files of so many bytes at most while it does something.
func upTo(t *testing.T, bytes uint64, do func()) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Fatal(err)
		}
	}()
	do()
}

// contents are the files below a directory.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestWhatCannotBeWrittenTakesNothingAway: neither the figures nor the page with its plots are cut where there is no room for new ones.
func TestWhatCannotBeWrittenTakesNothingAway(t *testing.T) {
	dir := t.TempDir()
	figures, md, plots := filepath.Join(dir, "figures.json"), filepath.Join(dir, "B.md"), filepath.Join(dir, "bench")
	if err := os.WriteFile(md, []byte(beginMark+"\n"+endMark+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sample().Save(figures), sample().Publish(md, plots)); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	other := sample()
	const room = 1 << 20                                                // enough for the log of the tests
	other.Machine = map[string]string{"CPU": strings.Repeat("x", room)} // the plots do not show it
	upTo(t, room, func() {
		if err := other.Save(figures); !errors.Is(err, syscall.EFBIG) {
			t.Errorf("figures without room: %v", err)
		}
		if err := other.Publish(md, plots); !errors.Is(err, syscall.EFBIG) {
			t.Errorf("a page without room: %v", err)
		}
	})
	after := contents(t, dir)
	for path, was := range before {
		if after[path] != was {
			t.Errorf("%s has %d bytes of %d", path, len(after[path]), len(was))
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files, and there were %d", len(after), len(before))
	}
}

func TestAFileThatCanBePutIsNotThereBefore(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "new", "file")
	if err := CanPut(path); err != nil || len(contents(t, dir)) > 0 {
		t.Errorf("%v, and there is %v", err, contents(t, dir))
	}
	if err := put(path, nil); err != nil || len(contents(t, dir)) != 1 {
		t.Errorf("%v, and there is %v", err, contents(t, dir))
	}
}
