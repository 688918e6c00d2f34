//go:build linux

package filetail

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

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
