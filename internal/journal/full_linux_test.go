package journal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"shmbus/internal/testproc"
)

func TestWhatDoesNotFitIsLeftOutWholeAndTold(t *testing.T) {
	dir, fill := testproc.SmallDir(t, 64<<10)
	path := filepath.Join(dir, "log")
	l := open(t, path, 1<<20)
	write(t, l, entry(1000))
	fill()
	write(t, l, entry(3000)) // in the page that it has
	for range 2 {
		if _, err := l.Write(entry(1000)); !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("there is room: %v", err)
		}
	}
	is(t, path, 4000)
	if err := l.Keep(); err != nil {
		t.Errorf("the log is there: %v", err)
	}
	if err := os.Truncate(filepath.Join(dir, "fill"), 0); err != nil {
		t.Fatal(err)
	}
	if err := l.Keep(); err != nil {
		t.Fatal(err)
	}
	if i, err := os.Stat(path); err != nil || i.Size() == 4000 {
		t.Errorf("nobody is told before somebody logs again: %v", err)
	}
	write(t, l, []byte("\"last\"\n"))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := lines(t, b)
	if len(got) != 4 || got[2] != 2. || got[3] != "last" {
		t.Errorf("%.100v", got)
	}
}

func TestALogThatWasShortenedByHandGetsNoZeros(t *testing.T) {
	dir, fill := testproc.SmallDir(t, 64<<10)
	path := filepath.Join(dir, "log")
	l := open(t, path, 1<<20)
	write(t, l, entry(6000))
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	fill()
	if _, err := l.Write(entry(5000)); !errors.Is(err, unix.ENOSPC) { // its first page is there
		t.Fatalf("there is room: %v", err)
	}
	is(t, path, 100)
}

func TestALogThatWasSetAsideStaysWholeWhenTheNextCannotBeOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := open(t, path, 8000)
	write(t, l, entry(8000))
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0 // whatever is open stays open
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, err := l.Write(entry(1000))
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, unix.EMFILE) {
		t.Errorf("it was opened: %v", err)
	}
	is(t, path+".1", 8000)
	write(t, l, []byte("\"last\"\n"))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := lines(t, b); len(got) != 2 || got[0] != 1. || got[1] != "last" {
		t.Errorf("%.100v", got)
	}
}
