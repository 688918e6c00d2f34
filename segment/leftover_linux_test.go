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
			if strings.HasPrefix(step, "lock") {
				continue // the lock file of that process has another name, and nobody knows whether it lives
			}
			t.Run(what+" "+step, func(t *testing.T) {
				dir := busDir(t)
				if what == "remove" {
					must2(Create(dir, "a", Options{})).Close()
				}
				startHelper(t, nil, what, dir, step).rest()
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
