package segment

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// hashes are the contents and times of a directory's files; of the bell file only the contents, because a tap may ring.
func hashes(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprintf("%s %x", e.Name(), sha256.Sum256(b))
		if filepath.Ext(e.Name()) != extBell {
			all += info.ModTime().String()
		}
		all += "\n"
	}
	return all
}

func TestAReadOnlyOpenChangesNothing(t *testing.T) {
	s := create(t, Options{})
	off, err := s.Grow(3*4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	join(t, s)
	before := hashes(t, s.Dir())
	r := open(t, s.Dir(), "a", ReadOnly)
	m, err := r.Map(off, 3*4096, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		second(r.Map(off, 4096, 4096)), second(r.Grow(4096, nil)), second(r.Join()), r.Punch(off, 4096), m.Protect(0, 4096, true),
	} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("a tap may write: %v", err)
		}
	}
	if infos := r.ParticipantTable(); len(infos) != 1 || !infos[0].Alive || infos[0].Known {
		t.Errorf("a tap sees participants %+v", infos)
	}
	m.Close()
	r.Close()
	if after := hashes(t, s.Dir()); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}

func second[T any](_ T, err error) error { return err }

func init() {
	helpers["tap"] = func(args []string) {
		for _, a := range bothAccesses {
			s, err := Open(args[0], "a", a)
			if err != nil {
				fmt.Println(a, errors.Is(err, fs.ErrPermission))
				continue
			}
			fmt.Println(a, len(s.Table()), s.Bells() != nil, s.TableBell() != nil, s.BellsWritable())
		}
	}
}

func TestAUserWhoMayOnlyReadCanTap(t *testing.T) {
	attr := nobody(t)
	s := create(t, Options{})
	for _, c := range []struct {
		dir, seg, bell fs.FileMode
		want           string
	}{
		{0o555, 0o444, 0o444, "read-only 4096 true true false\nread-write true"},
		{0o555, 0o444, 0o666, "read-only 4096 true true true\nread-write true"},
		{0o555, 0o444, 0o600, "read-only 4096 false false false\nread-write true"},
		{0o555, 0o666, 0o666, "read-only 4096 true true true\nread-write true"}, // the lease file is still closed
		{0o555, 0o600, 0o666, "read-only true\nread-write true"},
		{0o700, 0o444, 0o444, "read-only true\nread-write true"},
	} {
		for path, mode := range map[string]fs.FileMode{s.Dir(): c.dir, s.Path(): c.seg, s.path(extBell): c.bell} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		if got := startHelper(t, attr, "tap", s.Dir()).rest(); got != c.want {
			t.Errorf("%v %v %v: got\n%s\nwant\n%s", c.dir, c.seg, c.bell, got, c.want)
		}
	}
}
