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
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func lock(t *testing.T, dir string) *DirLock {
	t.Helper()
	l, err := LockDir(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func init() {
	helpers["lock"] = func(args []string) {
		_, err := LockDir(context.Background(), args[0], Options{})
		must(err)
		fmt.Println("locked")
		waitForInput()
	}
}

func TestTheLockExcludesGoroutinesOfOneProcess(t *testing.T) {
	dir := busDir(t)
	var wg sync.WaitGroup
	var inside, total atomic.Int32
	for range 6 {
		wg.Go(func() {
			for range 5 {
				l, err := LockDir(t.Context(), dir, Options{})
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d are inside", n)
				}
				total.Add(1)
				inside.Add(-1)
				if err := l.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := total.Load(); n != 30 {
		t.Errorf("locked %d times", n)
	}
}

func TestTheLockExcludesProcessesAndGoesWithThem(t *testing.T) {
	dir := busDir(t)
	p := startHelper(t, nil, "lock", dir)
	p.want("locked")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := LockDir(ctx, dir, Options{})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", p.cmd.Process.Pid)) {
		t.Errorf("while another process holds it: %v", err)
	}
	p.kill()
	l := lock(t, dir)
	if err := l.Unlock(); err != nil {
		t.Error(err)
	}
	if err := l.Unlock(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("unlocked twice: %v", err)
	}
}

func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	dir := busDir(t)
	l := lock(t, dir)
	defer l.Unlock()
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error)
	go func() {
		_, err := LockDir(ctx, dir, Options{})
		done <- err
	}()
	cancel(nil)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestALockOfARemovedDirectoryIsNotTheLockOfItsSuccessor(t *testing.T) {
	dir := busDir(t)
	old := lock(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := LockDir(t.Context(), dir, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("locking nothing: %v", err)
	}
	if err := MakeDir(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	l := lock(t, dir) // does not wait for the old one
	if err := errors.Join(old.Unlock(), l.Unlock()); err != nil {
		t.Error(err)
	}
}

func TestADirectoryThatIsThereIsLeftAsItIs(t *testing.T) {
	dir := filepath.Join(sharedTemp(t), "parent", "bus")
	if err := MakeDir(dir, Options{Mode: 0o750 | fs.ModeSetgid | fs.ModeSticky}); err != nil {
		t.Fatal(err)
	}
	check := func(path string, want fs.FileMode) {
		t.Helper()
		if info, err := os.Stat(path); err != nil || info.Mode() != want|fs.ModeDir {
			t.Errorf("%s: mode is %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	check(dir, 0o750|fs.ModeSetgid|fs.ModeSticky)
	check(filepath.Dir(dir), 0o755)
	if err := MakeDir(dir, Options{Mode: 0o777}); err != nil {
		t.Fatal(err)
	}
	check(dir, 0o750|fs.ModeSetgid|fs.ModeSticky)
	if left := names(t, filepath.Dir(dir)); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{MakeDir(file, Options{}), second(LockDir(t.Context(), file, Options{}))} {
		if err == nil {
			t.Error("a file is taken for a directory")
		}
	}
}

func TestManyMakeOneDirectory(t *testing.T) {
	dir := filepath.Join(sharedTemp(t), "x", "bus")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := MakeDir(dir, Options{}); err != nil {
				t.Error(err)
			}
			l, err := LockDir(t.Context(), dir, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			l.Unlock()
		})
	}
	wg.Wait()
	if left := names(t, filepath.Dir(dir)); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	if left := names(t, dir); len(left) != 1 || left[0] != lockName {
		t.Errorf("left: %v", left)
	}
}

// TestWhatIsSweptFromUnderAMakerIsMadeAgain: it was stopped for long, and another has taken it for dead.
func TestWhatIsSweptFromUnderAMakerIsMadeAgain(t *testing.T) {
	dir := filepath.Join(sharedTemp(t), "bus")
	swept := 0
	defer func(old func(string)) { point = old }(point)
	point = func(name string) {
		in, base := dir, lockName
		switch name {
		case "dir made aside":
			in, base = filepath.Dir(dir), "bus"
		case "lock made aside":
			if swept > 1 {
				return
			}
		default:
			return
		}
		for _, name := range names(t, in) {
			if isAsideOf(base, name) {
				must(os.Remove(filepath.Join(in, name)))
				swept++
			}
		}
	}
	must(MakeDir(dir, Options{Mode: 0o750}))
	if st := must2(os.Stat(dir)); st.Mode().Perm() != 0o750 {
		t.Errorf("the directory has the mode %v", st.Mode())
	}
	must(lock(t, dir).Unlock())
	if swept != 2 {
		t.Errorf("swept %d times", swept)
	}
	if left := names(t, dir); len(left) != 1 || left[0] != lockName {
		t.Errorf("left: %v", left)
	}
}

func TestWhoMakesADirectorySweepsWhatTheDeadHaveLeftOfIt(t *testing.T) {
	parent := sharedTemp(t)
	dir := filepath.Join(parent, "bus")
	keep := []string{".bus.full.new", ".bus.young.new", ".bus.file.new", ".bus.new", ".bus.no-number.new", ".other.abc.new", ".bus.x.abc.new"}
	for _, name := range append([]string{".bus.abc.new"}, keep...) {
		must(os.Mkdir(filepath.Join(parent, name), 0o700))
	}
	must(os.WriteFile(filepath.Join(parent, keep[0], "x"), nil, 0o600))
	must(os.Remove(filepath.Join(parent, ".bus.file.new")))
	must(os.WriteFile(filepath.Join(parent, ".bus.file.new"), nil, 0o600))
	for _, name := range names(t, parent) {
		if name != ".bus.young.new" {
			age(t, filepath.Join(parent, name))
		}
	}
	want := slices.Sorted(slices.Values(append(keep, "bus")))
	must(MakeDir(dir, Options{}))
	if got := slices.Sorted(slices.Values(names(t, parent))); !slices.Equal(got, want) {
		t.Errorf("left: %v, want %v", got, want)
	}
	must(os.Mkdir(filepath.Join(parent, ".bus.abc.new"), 0o700)) // by one who was killed when another had just made it
	age(t, filepath.Join(parent, ".bus.abc.new"))
	must2(Create(dir, "a", Options{})).Close()
	if got := slices.Sorted(slices.Values(names(t, parent))); !slices.Equal(got, want) {
		t.Errorf("after a segment was made: %v, want %v", got, want)
	}
}

func TestTheDefaultDirectoryIsTheVariableOrTheUsersOwn(t *testing.T) {
	t.Setenv("SHMBUS_DIR", "/some/where")
	if got := DefaultDir(); got != "/some/where" {
		t.Errorf("got %s", got)
	}
	t.Setenv("SHMBUS_DIR", "")
	if got, want := DefaultDir(), fmt.Sprintf("/dev/shm/shmbus-%d", os.Geteuid()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func init() {
	helpers["foreign"] = func([]string) {
		os.Unsetenv("SHMBUS_DIR")
		err := MakeDir(DefaultDir(), Options{})
		_, lockErr := LockDir(context.Background(), DefaultDir(), Options{})
		_, openErr := Open(DefaultDir(), "a", ReadOnly)
		fmt.Println(errors.Is(err, ErrForeignDir), errors.Is(lockErr, ErrForeignDir), errors.Is(openErr, ErrForeignDir), err)
	}
}

func TestADefaultDirectoryMadeBySomebodyElseIsRefused(t *testing.T) {
	attr := nobody(t)
	attr.Credential.Uid = 64321 // a user of whom nobody has heard
	dir := "/dev/shm/shmbus-64321"
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Skipf("needs to make %s: %v", dir, err)
	}
	t.Cleanup(func() { os.Remove(dir) })
	if got := startHelper(t, attr, "foreign").read(); !strings.HasPrefix(got, "true true true ") || !strings.Contains(got, "user 0") {
		t.Error(got)
	}
}
