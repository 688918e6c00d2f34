package segment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// names are the files of a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

var aFiles = []string{"a.bell", "a.lease", "a.seg"}

func TestACreatedSegmentIsAsAskedFor(t *testing.T) {
	dir := busDir(t)
	s, err := Create(dir, "a", Options{Participants: 100, TableBytes: 5000, BellBytes: 4097})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := names(t, dir); !slices.Equal(got, aFiles) {
		t.Errorf("files are %v", got)
	}
	for _, x := range []*Segment{s, open(t, dir, "a", ReadOnly), open(t, dir, "a", ReadWrite)} {
		if len(x.Table()) != 8192 || len(x.Bells()) != 8192 || len(x.TableBell()) != 64 || x.Participants() != 100 ||
			x.Nonce() != s.Nonce() || x.Generation() != s.Generation() || x.Name() != "a" || x.Dir() != dir ||
			x.Path() != filepath.Join(dir, "a.seg") || x.PageSize() != os.Getpagesize() || !x.BellsWritable() {
			t.Errorf("opened %+v", x.head)
		}
		if size, err := x.Size(); err != nil || size != x.RegionsStart() {
			t.Errorf("size is %d, %v, regions start at %d", size, err, x.RegionsStart())
		}
	}
	if _, err := Create(dir, "a", Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made twice: %v", err)
	}
	if _, err := Create(filepath.Join(dir, "no"), "a", Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("made nowhere: %v", err)
	}
	for _, o := range []Options{{Participants: 65536}, {Participants: -1}, {TableBytes: -1}, {BellBytes: 1 << 40}} {
		if _, err := Create(dir, "b", o); err == nil {
			t.Errorf("%+v is fine", o)
		}
	}
	list, err := List(dir)
	if err != nil || !slices.Equal(list, []string{"a"}) {
		t.Errorf("List: %v, %v", list, err)
	}
	if _, err := List(filepath.Join(dir, "no")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("List of nothing: %v", err)
	}
}

func TestRemoveTakesAllThreeFilesAway(t *testing.T) {
	s := create(t, Options{})
	if err := Remove(s.Dir(), "a"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, s.Dir()); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	if !s.Stale() || s.shared.state.Load() != stateDead {
		t.Error("the removed segment is not marked dead")
	}
	if err := Remove(s.Dir(), "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed twice: %v", err)
	}
	garbage := filepath.Join(s.Dir(), "g.seg")
	for _, make := range []func() error{
		func() error { return os.WriteFile(garbage, []byte("x"), 0o600) },
		func() error { return unix.Mkfifo(garbage, 0o600) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if err := Remove(s.Dir(), "g"); err != nil {
			t.Errorf("removing garbage: %v", err)
		}
	}
}

func init() {
	helpers["race"] = func(args []string) {
		waitForInput()
		l, err := LockDir(context.Background(), args[0], Options{})
		must(err)
		s, err := Create(args[0], "a", Options{})
		how := "made"
		if errors.Is(err, fs.ErrExist) {
			how = "opened"
			s, err = Open(args[0], "a", ReadWrite)
		}
		must(err)
		must(l.Unlock())
		fmt.Println(how, s.Nonce())
		waitForInput()
	}
	helpers["umask"] = func(args []string) {
		mask, _ := strconv.ParseInt(args[1], 8, 32)
		mode, _ := strconv.ParseInt(args[2], 8, 32)
		o := Options{Mode: fs.FileMode(mode), TableBytes: 1}
		if len(args) > 3 {
			gid, _ := strconv.Atoi(args[3])
			o.Group = &gid
		}
		syscall.Umask(int(mask))
		must(MakeDir(args[0], o))
		l, err := LockDir(context.Background(), args[0], o)
		must(err)
		s, err := Create(args[0], "a", o)
		must(err)
		fmt.Printf("%o ", must2(statPath(filepath.Dir(s.Dir()), false)).mode.Perm())
		for _, path := range []string{s.Dir(), s.Path(), s.path(extBell), s.path(extLease), filepath.Join(s.Dir(), lockName)} {
			st, err := statPath(path, false)
			must(err)
			fmt.Printf("%o/%d ", st.mode.Perm(), st.gid)
		}
		must(l.Unlock())
	}
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestOfTwoProcessesOneMakesTheSegmentAndTheOtherOpensIt(t *testing.T) {
	for range 5 {
		dir := busDir(t)
		var ps []*process
		for range 4 {
			ps = append(ps, startHelper(t, nil, "race", dir))
		}
		for _, p := range ps {
			fmt.Fprintln(p.in, "go")
		}
		made, nonces := 0, map[string]bool{}
		for _, p := range ps {
			how, nonce, _ := strings.Cut(p.read(), " ")
			if how == "made" {
				made++
			}
			nonces[nonce] = true
		}
		if made != 1 || len(nonces) != 1 {
			t.Errorf("%d made it, nonces %v", made, nonces)
		}
		for _, p := range ps {
			p.kill()
		}
	}
}

func TestModesComeFromTheOptionsAndNotFromTheUmask(t *testing.T) {
	gid := os.Getgid()
	for _, c := range []struct{ mode, want string }{
		{"700", "700 600 600 600 600"},
		{"750", "750 640 640 600 600"},
		{"755", "755 644 644 600 600"},
		{"770", "770 660 660 660 660"},
		{"775", "775 664 664 660 660"},
		{"777", "777 666 666 666 666"},
	} {
		want := "755 " // of the missing parent
		for _, mode := range strings.Fields(c.want) {
			want += fmt.Sprintf("%s/%d ", mode, gid)
		}
		for _, mask := range []string{"000", "022", "077", "777"} {
			dir := filepath.Join(sharedTemp(t), "missing", "bus")
			if got := startHelper(t, nil, "umask", dir, mask, c.mode).rest(); got != strings.TrimSpace(want) {
				t.Errorf("umask %s: modes are %s, want %s", mask, got, want)
			}
		}
	}
}

func TestMissingParentsHaveTheGroupOfTheOneThatSaysSo(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to give a directory away")
	}
	top := sharedTemp(t)
	if err := errors.Join(os.Chown(top, -1, 12345), os.Chmod(top, 0o775|fs.ModeSetgid)); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(top, "a", "b", "bus")
	if err := MakeDir(dir, Options{Mode: 0o770}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{"a": 0o755 | fs.ModeSetgid, "a/b": 0o755 | fs.ModeSetgid, "a/b/bus": 0o770} {
		i, err := os.Stat(filepath.Join(top, path))
		if err != nil {
			t.Fatal(err)
		}
		if gid := i.Sys().(*syscall.Stat_t).Gid; gid != 12345 || i.Mode()&^fs.ModeDir != want {
			t.Errorf("%s: group %d, mode %v, want 12345, %v", path, gid, i.Mode(), want)
		}
	}
}

func TestTheGroupIsThatOfTheOptions(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to give files away")
	}
	dir := filepath.Join(sharedTemp(t), "missing", "bus")
	want := "755 770/1234 660/1234 660/1234 660/1234 660/1234"
	if got := startHelper(t, nil, "umask", dir, "077", "770", "1234").rest(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Those who come later and name no group nor mode follow the directory.
	s, err := Create(dir, "later", Options{BellMode: 0o666})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for ext, mode := range map[string]fs.FileMode{extSegment: 0o660, extBell: 0o666, extLease: 0o660} {
		if st, err := statPath(s.path(ext), false); err != nil || st.gid != 1234 || st.mode != mode {
			t.Errorf("%s: group %d, mode %v, %v", ext, st.gid, st.mode, err)
		}
	}
	zero := 0
	if err := MakeDir(filepath.Join(sharedTemp(t), "zero"), Options{Group: &zero}); err != nil {
		t.Errorf("group 0: %v", err)
	}
}

func TestANameIsGivenOnceWithOrWithoutTheKernelsHelp(t *testing.T) {
	dir := sharedTemp(t)
	for i, give := range []func(from, to string) error{renameNew, linkNew} {
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(from, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := give(from, to); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(from, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := give(from, to); !errors.Is(err, fs.ErrExist) {
			t.Errorf("given twice: %v", err)
		}
	}
}
