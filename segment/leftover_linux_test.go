package segment

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Wherever a creation or a removal was killed: what it left is found, and removed, and a whole segment is left alone.
func TestLeftoversOfACrashAtAnyStep(t *testing.T) {
	dir := busDir(t)
	for _, what := range []string{"create", "remove"} {
		for _, step := range strings.Split(strings.TrimSpace(startHelper(t, nil, what, dir).rest()), "\n") {
			t.Run(what+" "+step, func(t *testing.T) {
				dir := busDir(t)
				if what == "remove" {
					must2(Create(dir, "a", Options{})).Close()
				}
				startHelper(t, nil, what, dir, step).rest()
				for _, name := range names(t, dir) {
					age(t, filepath.Join(dir, name))
				}
				_, err := Open(dir, "a", ReadOnly)
				whole := err == nil
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Fatal(err)
				}
				before, err := Leftovers(dir)
				must(err)
				l, err := LockDir(t.Context(), dir, Options{})
				must(err)
				must(RemoveLeftovers(dir))
				must(RemoveLeftovers(dir)) // once more is no error
				must(l.Unlock())
				after, err := Leftovers(dir)
				must(err)
				if len(after) != 0 {
					t.Errorf("left are %v", after)
				}
				want := []string{lockName}
				if whole {
					want = []string{"a.bell", "a.lease", "a.seg", lockName}
				}
				got := names(t, dir)
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("files are %v, want %v; leftovers were %v", got, want, before)
				}
			})
		}
	}
}

// age makes a file or directory as old as if whoever made it had ended long ago.
func age(t *testing.T, path string) {
	t.Helper()
	then := time.Now().Add(-2 * asideLife)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

// TestALockThatIsBeingMadeIsNoLeftoverForAMinute: it is made when nobody has the lock yet.
func TestALockThatIsBeingMadeIsNoLeftoverForAMinute(t *testing.T) {
	const young, old, other = ".bus.lock.abc.new", ".bus.lock.1z141z4.new", ".bus.lock.a-b.new"
	for what, clear := range map[string]func(dir string) error{
		"RemoveLeftovers": RemoveLeftovers,
		"Create":          func(dir string) error { return must2(Create(dir, "a", Options{})).Close() },
	} {
		dir := busDir(t)
		for _, name := range []string{young, old, other} {
			must(os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		}
		age(t, filepath.Join(dir, old))
		age(t, filepath.Join(dir, other))
		all := must2(Leftovers(dir))
		if len(all) != 2 || all[0].File != old || all[0].Kind != Unfinished || all[1].File != other || all[1].Kind != Foreign {
			t.Errorf("leftovers are %v", all)
		}
		locked(t, dir, func() { must(clear(dir)) })
		if got := names(t, dir); slices.Contains(got, old) || !slices.Contains(got, young) || !slices.Contains(got, other) {
			t.Errorf("%s leaves %v", what, got)
		}
	}
}

func TestFilesOfTheLivingAreNoLeftovers(t *testing.T) {
	dir := busDir(t)
	if _, err := Leftovers(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
	must2(Create(dir, "a", Options{})).Close()
	for _, name := range []string{".b.seg.new", "b.lease", "other", "-.seg"} {
		must(os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	must(os.Symlink("a.seg", filepath.Join(dir, "link.seg"))) // a segment, of which Open says what is wrong
	must(os.Mkdir(filepath.Join(dir, "d.bell"), 0o700))
	look := func(want string) {
		t.Helper()
		all, err := Leftovers(dir)
		must(err)
		got := ""
		for _, l := range all {
			got += l.File + []string{" unfinished", " half gone", " foreign"}[l.Kind] + "\n"
		}
		if got != want {
			t.Errorf("leftovers are\n%swant\n%s", got, want)
		}
	}
	foreign := "-.seg foreign\nd.bell foreign\nother foreign\n"
	held := func(want bool) {
		t.Helper()
		if is, pid, err := Locked(dir); is != want || err != nil || want && pid != os.Getpid() {
			t.Errorf("locked: %v by %d, %v", is, pid, err)
		}
	}
	held(false)
	l, err := LockDir(t.Context(), dir, Options{})
	must(err)
	held(true)
	look(foreign)
	// Somebody who is about it for a moment is waited for.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Millisecond)
	defer cancel()
	go func() {
		<-ctx.Done()
		_ = l.Unlock()
	}()
	look("-.seg foreign\n.b.seg.new unfinished\nb.lease half gone\nd.bell foreign\nother foreign\n")
	held(false)
	must(RemoveLeftovers(dir))
	look(foreign)
}
