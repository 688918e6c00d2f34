//go:build linux

package filetail

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shmbus/plugins/plugintest"
)

// header is a line that all files of a log begin with, longer than what tells files from one another.
var header = strings.Repeat("h", fingerprint+43)

func TestFilesThatBeginWithTheSameHeaderAreNoCopies(t *testing.T) {
	dir := t.TempDir()
	log, state := filepath.Join(dir, "a.log"), filepath.Join(dir, "state")
	appendTo(t, log, header+"\n1\n")
	config := table(t, "paths", []string{log}, "topic", "l", "state", state, "rescan", "1h", "from", "start")
	b := plugintest.NewBus(t)
	h := plugintest.StartOn(t, b, Run, config)
	s := h.Subscribe("l")
	h.Expect(s, header, "1")
	again := func(want ...string) {
		t.Helper()
		h = plugintest.StartOn(t, b, Run, config)
		h.Expect(s, want...)
	}

	// The file that was read is found.
	h.Stop()
	appendTo(t, log, "2\n")
	noError(t, os.Rename(log, log+".2"))
	appendTo(t, log, header+"\n3\n")
	noError(t, os.Rename(log, log+".1"))
	appendTo(t, log, header+"\n4\n")
	again("2", header, "3", header, "4")

	// It is gone, to where nobody looks, and none of the others is a copy.
	h.Stop()
	noError(t, os.Rename(log, filepath.Join(t.TempDir(), "gone")))
	appendTo(t, log, header+"\n5\n")
	noError(t, os.Rename(log, log+".3"))
	appendTo(t, log, header+"\n6\n")
	again(header, "5", header, "6")

	// It was copied and truncated, twice: the first copy is the one of what was read.
	h.Stop()
	appendTo(t, log, "7\n")
	copyTo := func(path string) {
		all, err := os.ReadFile(log)
		noError(t, err)
		noError(t, os.WriteFile(path, all, 0o600))
	}
	copyTo(log + ".5")
	noError(t, os.WriteFile(log, []byte(header+"\n8\n"), 0o600))
	copyTo(log + ".4")
	noError(t, os.WriteFile(log, []byte("9\n"), 0o600))
	again("7", header, "8", "9")
	h.Stop()
}
