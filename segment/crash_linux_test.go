package segment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func init() {
	// create DIR STEP makes the segment a, grows it and joins, and dies at a step; remove likewise. Without a step they print
	// the steps there are.
	steps := func(do func(dir string)) func([]string) {
		return func(args []string) {
			point = func(name string) {
				if len(args) < 2 {
					fmt.Println(name)
				} else if name == args[1] {
					syscall.Kill(os.Getpid(), syscall.SIGKILL)
					select {}
				}
			}
			l, err := LockDir(context.Background(), args[0], Options{})
			must(err)
			do(args[0])
			must(l.Unlock())
		}
	}
	helpers["create"] = steps(func(dir string) {
		s, err := Create(dir, "a", Options{})
		must(err)
		_, err = s.Grow(1<<20, nil)
		must(err)
		_, err = s.Join()
		must(err)
	})
	helpers["remove"] = steps(func(dir string) { must(Remove(dir, "a")) })
}

func TestACrashAtAnyStepLeavesAValidState(t *testing.T) {
	dir := busDir(t)
	create := strings.Fields(strings.ReplaceAll(startHelper(t, nil, "create", dir).rest(), " ", "_"))
	remove := strings.Fields(strings.ReplaceAll(startHelper(t, nil, "remove", dir).rest(), " ", "_"))
	if len(create) < 12 || len(remove) < 4 {
		t.Fatalf("steps are %v and %v", create, remove)
	}
	for _, step := range create {
		t.Run("Create "+step, func(t *testing.T) {
			dir := busDir(t)
			startHelper(t, nil, "create", dir, strings.ReplaceAll(step, "_", " ")).rest()
			checkAfterCrash(t, dir)
		})
	}
	for _, step := range remove {
		t.Run("Remove "+step, func(t *testing.T) {
			dir := busDir(t)
			s, err := Create(dir, "a", Options{})
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			startHelper(t, nil, "remove", dir, strings.ReplaceAll(step, "_", " ")).rest()
			checkAfterCrash(t, dir)
		})
	}
}

// checkAfterCrash checks that the segment is there whole or not at all, and that life goes on either way.
func checkAfterCrash(t *testing.T, dir string) {
	t.Helper()
	l, err := LockDir(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Unlock()
	s, err := Open(dir, "a", ReadWrite)
	if errors.Is(err, fs.ErrNotExist) {
		s, err = Create(dir, "a", Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, p := range s.ParticipantTable() {
		t.Errorf("%+v is there", p)
	}
	p := join(t, s)
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	off, err := s.Grow(4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	if end, size := s.shared.regionsEnd.Load(), must2(s.Size()); off+4096 != int64(end) || size < int64(end) {
		t.Errorf("region at %d, regions end at %d, file at %d", off, end, size)
	}
	m, err := s.Map(off, 4096, 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, b := range m.Bytes() {
		if b != 0 {
			t.Fatal("a new region is not zero")
		}
	}
	for _, name := range names(t, dir) {
		if isAside(name) {
			if isAsideOf(lockName, name) {
				age(t, filepath.Join(dir, name))
			}
			if _, err := Create(dir, "b", Options{}); err != nil && !errors.Is(err, fs.ErrExist) { // the first of them made it
				t.Fatal(err)
			}
			if slices.Contains(names(t, dir), name) {
				t.Errorf("%s is left after another creation", name)
			}
		}
	}
}
