package wholefile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"shmbus/internal/testproc"
	"shmbus/internal/wholefile"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Helper{"replaces": func(p *testproc.Peer) error {
		for _, err := range []error{wholefile.CanReplace(p.Arg(0)), wholefile.Replace(p.Arg(0), []byte("new"))} {
			if err == nil {
				err = errors.New("done")
			}
			p.Say("%s", err)
		}
		return nil
	}})
}

// open makes a directory that everybody sees.
func open(t *testing.T, mode os.FileMode) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wholefile-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	return dir
}

// file makes a file of that name, with that content and mode.
func file(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

// holds fails unless a directory has those files, and no more.
func holds(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if b, err := os.ReadFile(filepath.Join(dir, e.Name())); string(b) != want[e.Name()] || err != nil {
			t.Errorf("%s has %q: %v", e.Name(), b, err)
		}
	}
	if len(all) != len(want) {
		t.Errorf("there is %v", all)
	}
}

func TestAFileThatIsReplacedKeepsItsModeAndItsPlace(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	file(t, path, "old", 0o646) // a umask would take something of it
	if err := errors.Join(os.Symlink("file", link), wholefile.CanReplace(link), wholefile.Replace(link, []byte("new"))); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, map[string]string{"file": "new", "link": "new"})
	if i, err := os.Lstat(path); err != nil || i.Mode() != 0o646 {
		t.Errorf("%v: %v", i, err)
	}
	if i, err := os.Lstat(link); err != nil || i.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v: %v", i, err)
	}
}

func TestANewFileHasTheModeOfNewFiles(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "file")
	if err := wholefile.Replace(path, nil); err != nil {
		t.Fatal(err)
	}
	if i, err := os.Stat(path); err != nil || i.Mode() != want.Mode() {
		t.Errorf("%v, not %v: %v", i.Mode(), want.Mode(), err)
	}
	secret := filepath.Join(dir, "secret")
	if err := wholefile.Write(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if i, err := os.Stat(secret); err != nil || i.Mode() != 0o600 {
		t.Errorf("%v: %v", i.Mode(), err)
	}
}

func TestWhatIsNoRegularFileIsNotReplaced(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("elsewhere", nowhere); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	pipe := fmt.Sprintf("/dev/fd/%d", w.Fd())
	for path, why := range map[string]string{
		"/dev/full": "no regular file", pipe: "no regular file", t.TempDir(): "no regular file",
		nowhere: "a link to elsewhere, which is not there",
	} {
		for _, err := range []error{wholefile.CanReplace(path), wholefile.Replace(path, nil)} {
			if err == nil || !strings.Contains(err.Error(), path+" is "+why) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestWhatCannotBeWrittenTakesNothingAway(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	file(t, path, "old", 0o600)
	const room = 1 << 20 // enough for the log of the tests
	more := make([]byte, room+1)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: room, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	errs := []error{wholefile.Replace(path, more), wholefile.Write(path, more, 0o600)}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	for _, err := range errs {
		if !errors.Is(err, syscall.EFBIG) {
			t.Errorf("without room: %v", err)
		}
	}
	holds(t, dir, map[string]string{"file": "old"})
}

// TestAContentThatCannotTakeItsPlaceStaysBesideIt: in a sticky directory a file that all may write can be replaced by its owner only.
func TestAContentThatCannotTakeItsPlaceStaysBesideIt(t *testing.T) {
	dir := open(t, 0o777|os.ModeSticky)
	file(t, filepath.Join(dir, "file"), "old", 0o666)
	p := testproc.StartAs(t, testproc.Nobody, "replaces", filepath.Join(dir, "file"))
	if can := p.Line(); can != "done" {
		t.Error(can)
	}
	err := p.Line()
	p.Wait()
	left, _ := filepath.Glob(filepath.Join(dir, "*.new"))
	if len(left) != 1 || !strings.Contains(err, "complete in "+left[0]) {
		t.Fatalf("%s; there is %q", err, left)
	}
	holds(t, dir, map[string]string{"file": "old", filepath.Base(left[0]): "new"})
}

func TestWhatMayNotBeWrittenIsNotReplaced(t *testing.T) {
	closed, protected := open(t, 0o755), open(t, 0o777)
	file(t, filepath.Join(closed, "file"), "old", 0o666)
	file(t, filepath.Join(protected, "file"), "old", 0o444)
	for dir, why := range map[string]string{closed: "cannot be replaced by a new file beside it", protected: "permission denied"} {
		path := filepath.Join(dir, "file")
		p := testproc.StartAs(t, testproc.Nobody, "replaces", path)
		for range 2 {
			if err := p.Line(); !strings.Contains(err, path) || !strings.Contains(err, why) {
				t.Error(err)
			}
		}
		p.Wait()
		holds(t, dir, map[string]string{"file": "old"})
	}
}

func TestOnlyWhatIsUnfinishedIsRemoved(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a[b]", "a[b].1.new", "a[b].18446744073709551615.new", "a[b].c.new", "a[b].1", "a[b]..new", "b.1.new"} {
		file(t, filepath.Join(dir, name), name, 0o600)
	}
	wholefile.RemoveUnfinished(filepath.Join(dir, "a[b]"))
	holds(t, dir, map[string]string{"a[b]": "a[b]", "a[b].c.new": "a[b].c.new", "a[b].1": "a[b].1", "a[b]..new": "a[b]..new", "b.1.new": "b.1.new"})
}
