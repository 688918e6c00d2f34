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
		left := slices.DeleteFunc(must2(Leftovers(dir)), func(l Leftover) bool { return l.Kind == Damaged })
		if len(left) != 0 {
			t.Errorf("%s%d: leftovers are %v", c.ext, c.off, left)
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

func TestARemovalThatWasKilledAmidItStillCountsWhereANameIsGone(t *testing.T) {
	for _, ext := range []string{extBell, extLease} {
		s := create(t, Options{})
		dir := s.Dir()
		must(s.Close())
		p := startHelper(t, nil, "join", dir) // it has it open, and its lock, until it ends
		p.readOwner()
		must(os.Remove(s.path(ext)))                              // as rm
		overwriteWord(t, s.path(extSegment), offState, stateDead) // as who made it anew, and was killed then
		locked(t, dir, func() {
			n, err := Create(dir, "a", Options{})
			if err != nil {
				t.Errorf("%s: making it anew: %v", ext, err)
				return
			}
			must(n.Close())
		})
		p.kill()
	}
}

func TestWhatSaysThatItWasRemovedAndIsUsedIsFound(t *testing.T) {
	s := create(t, Options{})
	join(t, s)
	overwriteWord(t, s.path(extSegment), offState, stateDead)
	all, err := Leftovers(s.Dir())
	if err != nil || len(all) != 1 || all[0].Kind != Damaged || all[0].File != "a"+extSegment {
		t.Errorf("%v, %v", all, err)
	}
	locked(t, s.Dir(), func() { must(RemoveLeftovers(s.Dir())) })
	if left := must2(Leftovers(s.Dir())); len(left) != 1 {
		t.Errorf("it was removed: %v", left)
	}
}

func TestRemovingWhatIsLeftOfASegmentTakesNothingThatIsNoFile(t *testing.T) {
	s := create(t, Options{})
	must(s.Close())
	must(os.Remove(s.path(extSegment)))
	must(os.Remove(s.path(extBell)))
	must(os.Symlink("elsewhere", s.path(extBell)))
	locked(t, s.Dir(), func() { must(RemoveLeftovers(s.Dir())) })
	if got := slices.DeleteFunc(names(t, s.Dir()), func(n string) bool { return n == lockName }); !slices.Equal(got, []string{"a" + extBell}) {
		t.Errorf("what is left: %v", got)
	}
}
