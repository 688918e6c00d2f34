//go:build linux

package filetail

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"shmbus/plugins"
	"shmbus/plugins/plugintest"
)

func TestALineOfAFileWhoseNewNameIsFollowedTooDoesNotWaitForAScan(t *testing.T) {
	dir := t.TempDir()
	log, state := filepath.Join(dir, "a.log"), filepath.Join(t.TempDir(), "state") // elsewhere: each event in dir would do
	appendTo(t, log, "first\n")
	config := table(t, "paths", []string{dir + "/a.log*"}, "topic", "l", "state", state, "rescan", "1h", "from", "start")
	b := plugintest.NewBus(t)
	h := plugintest.StartOn(t, b, Run, config)
	s := h.Subscribe("l")
	h.Expect(s, "first")
	lines := func(path string) {
		t.Helper()
		for i := range 5 { // those that come first may be found with the new name
			appendTo(t, path, fmt.Sprintln(filepath.Base(path), i))
			h.Expect(s, fmt.Sprint(filepath.Base(path), " ", i))
		}
	}
	rotate := func() {
		noError(t, os.Rename(log, log+".1"))
		lines(log)
		lines(log + ".1")
		noError(t, os.Rename(log+".1", log+".2"))
		noError(t, os.Rename(log, log+".1"))
		lines(log)
		lines(log + ".1")
		lines(log + ".2")
	}
	rotate()
	h.Stop()
	h = plugintest.StartOn(t, b, Run, config)
	lines(log)
	lines(log + ".1")
	lines(log + ".2")
	h.Stop()
	for _, path := range []string{log + ".1", log + ".2"} {
		noError(t, os.Remove(path))
	}
	noError(t, os.Rename(log, log+".1"))
	h = plugintest.StartOn(t, b, Run, config)
	lines(log)
	lines(log + ".1")
	h.Stop()
}

// byHand is a follower that does nothing until the test has it scan or look.
func byHand(t *testing.T, config string) (*follower, *plugintest.Harness) {
	t.Helper()
	made := make(chan *follower, 1)
	h := plugintest.Start(t, func(ctx context.Context, p *plugins.Plugin) error {
		defer close(made)
		c := Defaults
		if err := p.Config(&c); err != nil {
			return err
		}
		f, err := newFollower(ctx, p, c)
		if err != nil {
			return err
		}
		made <- f
		<-ctx.Done()
		return f.close()
	}, config)
	f := <-made
	if f == nil {
		t.Fatal("there is no follower")
	}
	return f, h
}

// lookAll looks until there is nothing to look at.
func lookAll(t *testing.T, f *follower) {
	t.Helper()
	for len(f.busy) > 0 {
		noError(t, f.look())
	}
}

func scanAll(t *testing.T, f *follower) {
	t.Helper()
	noError(t, f.scan())
	lookAll(t, f)
}

// end has the time of a path's old files be over.
func end(f *follower, path string) {
	for _, in := range f.tails[path].old {
		in.until = time.Time{}
	}
	f.busy[f.tails[path]] = true
}

func TestAFileThatIsRenamedOnWhenItsTimeIsOverIsReadOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "link") // by which all paths are seen
	noError(t, os.Symlink(t.TempDir(), dir))
	log := filepath.Join(dir, "a.log")
	f, h := byHand(t, table(t, "paths", []string{log + "*"}, "topic", "l", "rescan", "1h", "from", "start"))
	appendTo(t, log, "1\n")
	scanAll(t, f)
	s := h.Subscribe("l")
	noError(t, os.Rename(log, log+".1"))
	appendTo(t, log, "2\n")
	scanAll(t, f)
	appendTo(t, log+".1", "be") // the line stays whole, too

	end(f, log)
	noError(t, os.Rename(log+".1", log+".2"))
	noError(t, os.Rename(log, log+".1"))
	appendTo(t, log, "3\n")
	lookAll(t, f) // before it is known what .1 is now, and that there is a .2
	appendTo(t, log+".2", "gun\n")
	scanAll(t, f)
	h.Expect(s, "1", "2", "3", "begun")
	end(f, log)
	lookAll(t, f)
	for path, tail := range f.tails {
		if tail.in == nil || len(tail.old) > 0 {
			t.Errorf("%s has %v and the old files %v", path, tail.in, tail.old)
		}
	}

	// Under a name that is not followed it is closed at once, if it is seen there. Otherwise it is when each path has been looked at.
	for scans, name := range []string{filepath.Join(dir, "b.log"), filepath.Join(t.TempDir(), "c.log")} {
		appendTo(t, log+".2", "last")
		noError(t, os.Rename(log+".2", name))
		appendTo(t, log+".2", "4\n")
		scanAll(t, f)
		end(f, log+".2")
		lookAll(t, f)
		for range 2 * scans {
			if n := len(f.files); n != 4 {
				t.Errorf("%d files are open before each path has been looked at", n)
			}
			scanAll(t, f)
		}
		h.Expect(s, "4", "last")
		if n := len(f.files); n != 3 {
			t.Errorf("%d files are open after all", n)
		}
	}
	h.Stop()
}

func TestAFileThatIsRenamedOnWhenItsOldPathIsForgottenIsReadOnce(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.log")
	f, h := byHand(t, table(t, "paths", []string{log + "*"}, "topic", "l", "rescan", "1h", "from", "start"))
	rotate := func() {
		for i := range 2 {
			_ = os.Rename(fmt.Sprint(log, ".", 2-i), fmt.Sprint(log, ".", 3-i)) // there may be none
		}
		_ = os.Rename(log, log+".1")
	}
	appendTo(t, log+".1", "1\n")
	scanAll(t, f)
	s := h.Subscribe("l")
	appendTo(t, log, "2\n")
	scanAll(t, f)
	rotate()
	scanAll(t, f)
	end(f, log+".1")
	lookAll(t, f)
	rotate() // nothing has the name at the second scan; what .2 was has just been renamed, too
	scanAll(t, f)
	appendTo(t, log+".2", "3\n")
	scanAll(t, f)
	h.Expect(s, "1", "2", "3")
	end(f, log)
	lookAll(t, f)
	scanAll(t, f)
	if f.tails[log] != nil {
		t.Error("the path is not forgotten")
	}
	h.Stop()
}

// TestAFileThatIsRenamedBackIsNotLookedAtAgainAndAgain: it is an old file of its own path.
func TestAFileThatIsRenamedBackIsNotLookedAtAgainAndAgain(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.log")
	f, h := byHand(t, table(t, "paths", []string{log}, "topic", "l", "rescan", "1h", "from", "start"))
	appendTo(t, log, "1\n")
	scanAll(t, f)
	s := h.Subscribe("l")
	noError(t, os.Rename(log, log+".bak"))
	appendTo(t, log, "2\n")
	scanAll(t, f)
	noError(t, os.Rename(log+".bak", log))
	scanAll(t, f) // it would not end
	appendTo(t, log, "3\n")
	scanAll(t, f)
	h.Expect(s, "1", "2", "3")
}

// TestAFileHasItsGraceEachTimeThatItIsRenamed: what is passed on late, and renamed once more, is sought as long as at the first time.
func TestAFileHasItsGraceEachTimeThatItIsRenamed(t *testing.T) {
	tail := &tail{f: &follower{every: time.Hour}}
	in := &input{over: 7}
	tail.retire(in)
	if in.over != 0 {
		t.Error("its time was over before it began")
	}
}
