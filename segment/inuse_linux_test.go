package segment

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"
)

// A word of a header says that a segment was removed, and somebody is in it.

// overwriteWord overwrites a word of a file.
func overwriteWord(t *testing.T, path string, off int64, word uint64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		_, err = f.WriteAt(order.AppendUint64(nil, word), off)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// telling is the words that tell a segment from one that was removed.
var telling = []struct {
	ext  string
	off  int64
	word uint64
	open error // what who opens it is told
}{
	{extSegment, offNonce, 1, ErrCorrupt},
	{extBell, offNonce, 1, ErrCorrupt},
	{extLease, offNonce, 1, ErrCorrupt},
	{extSegment, offState, stateDead, ErrDead},
	{extSegment, offState, 3, ErrCorrupt},
}

func TestNoOverwrittenWordMakesAnybodyRemoveASegmentThatSomebodyIsIn(t *testing.T) {
	for _, c := range telling {
		s := create(t, Options{})
		dir := s.Dir()
		must(s.Close())
		p := startHelper(t, nil, "join", dir)
		p.readOwner()
		overwriteWord(t, s.path(c.ext), c.off, c.word)
		before := map[string]fileID{}
		for _, name := range aFiles {
			before[name] = must2(statPath(dir+"/"+name, false)).id
		}
		check := func(what string) {
			t.Helper()
			if got := names(t, dir); !slices.Equal(slices.DeleteFunc(got, func(n string) bool { return n == lockName }), aFiles) {
				t.Errorf("%s%d, %s: files are %v", c.ext, c.off, what, got)
				return
			}
			for _, name := range aFiles {
				if must2(statPath(dir+"/"+name, false)).id != before[name] {
					t.Errorf("%s%d, %s: %s is another one", c.ext, c.off, what, name)
				}
			}
		}
		if _, err := Open(dir, "a", ReadWrite); !errors.Is(err, c.open) || errors.Is(err, ErrDead) != (c.open == ErrDead) {
			t.Errorf("%s%d: opened: %v", c.ext, c.off, err)
		}
		locked(t, dir, func() {
			if n, err := Create(dir, "a", Options{}); err == nil {
				t.Errorf("%s%d: it was made anew", c.ext, c.off)
				n.Close()
			} else if errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s%d: making it anew: %v", c.ext, c.off, err)
			}
			check("Create")
			if err := RemoveLeftovers(dir); err != nil {
				t.Error(err)
			}
			check("RemoveLeftovers")
		})
		if left, err := Leftovers(dir); len(left) != 0 || err != nil {
			t.Errorf("%s%d: leftovers are %v, %v", c.ext, c.off, left, err)
		}
		p.kill()
		damaged := c.ext == extSegment && c.word == 3 // no death of anybody makes it another thing
		locked(t, dir, func() {
			n, err := Create(dir, "a", Options{})
			if damaged != errors.Is(err, ErrCorrupt) || !damaged && err != nil {
				t.Errorf("%s%d: made when nobody is in it: %v", c.ext, c.off, err)
			}
			if err == nil {
				must(n.Close())
			}
		})
	}
}

func TestATapCannotTellThatASegmentWithAnotherNonceWasRemoved(t *testing.T) {
	s := create(t, Options{})
	must(s.Close())
	overwriteWord(t, s.path(extBell), offNonce, 1)
	must(os.Chmod(s.path(extLease), 0))
	if os.Getuid() == 0 {
		must(os.Remove(s.path(extLease)))
		must(os.Mkdir(s.path(extLease), 0o700)) // what cannot be asked
	}
	if _, err := Open(s.Dir(), "a", ReadOnly); !errors.Is(err, ErrCorrupt) || errors.Is(err, ErrDead) {
		t.Errorf("error is %v", err)
	}
}
