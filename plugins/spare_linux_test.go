package plugins

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"shmbus/internal/testproc"
)

func TestAStateIsWrittenWhereTheFileSystemIsFull(t *testing.T) {
	for _, c := range []struct {
		name   string
		before bool   // there is a state
		remove string // then
	}{
		{"a plugin's first", false, ""},
		{"a later one", true, ""},
		{"one that was removed", true, "state.json"},
		{"one whose spare was removed", true, "spare"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, fill := testproc.SmallDir(t, 64<<10)
			nook := Nook(dir)
			if err := nook.Reserve(); err != nil {
				t.Fatal(err)
			}
			if c.before {
				if err := nook.WriteState(State{Name: "p", Phase: Running}); err != nil {
					t.Fatal(err)
				}
			}
			if c.remove != "" {
				if err := os.Remove(filepath.Join(dir, c.remove)); err != nil {
					t.Fatal(err)
				}
			}
			fill()
			for n := range 3 {
				var got State
				if err := errors.Join(nook.WriteState(State{Name: "p", Phase: Failed, Tries: n}), ReadJSON(nook.State(), &got)); err != nil {
					t.Fatal(err)
				}
				if got.Phase != Failed || got.Tries != n {
					t.Errorf("%d: %+v", n, got)
				}
			}
		})
	}
}

func TestALongStateIsCutWhereTheFileSystemIsFull(t *testing.T) {
	dir, fill := testproc.SmallDir(t, 64<<10)
	nook := Nook(dir)
	if err := nook.Reserve(); err != nil {
		t.Fatal(err)
	}
	fill()
	st := State{Name: strings.Repeat("n", 64), Hash: strings.Repeat("h", 64), Phase: Failed, Status: strings.Repeat("<", 512), Problem: strings.Repeat("ä", 4096)}
	var got State
	if err := errors.Join(nook.WriteState(st), ReadJSON(nook.State(), &got)); err != nil {
		t.Fatal(err)
	}
	if got.Phase != Failed || got.Problem == "" || !strings.HasPrefix(st.Problem, got.Problem) || got.Status == "" || !strings.HasPrefix(st.Status, got.Status) {
		t.Errorf("%+v", got)
	}
}

func TestTheRoomOfTheStateIsEnough(t *testing.T) {
	dir, fill := testproc.SmallDir(t, 64<<10)
	nook := Nook(dir)
	if err := nook.Reserve(); err != nil {
		t.Fatal(err)
	}
	fill()
	if err := nook.WriteState(State{Name: "p"}); err != nil { // a plugin's first, which takes the spare
		t.Fatal(err)
	}
	for range 2 {
		var got State
		if err := errors.Join(nook.Reserve(), nook.WriteState(State{Name: "q"}), ReadJSON(nook.State(), &got)); err != nil || got.Name != "q" {
			t.Errorf("%+v: %v", got, err)
		}
	}
	if err := os.Truncate(nook.State(), 0); err != nil {
		t.Fatal(err)
	}
	fill()
	if err := nook.Reserve(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("with room for none: %v", err)
	}
}

func TestNoRoomIsReservedInHalf(t *testing.T) {
	dir := t.TempDir()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	little := limit
	little.Cur = spareSize / 2
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &little); err != nil {
		t.Fatal(err)
	}
	err := Nook(dir).Reserve()
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if err == nil {
		t.Error("it was reserved")
	}
	if _, err := os.Stat(Nook(dir).Spare()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is there: %v", err)
	}
}
