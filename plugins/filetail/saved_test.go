//go:build linux

package filetail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shmbus/plugins"
	"shmbus/plugins/plugintest"
)

func TestItGoesOnWhereItWas(t *testing.T) {
	dir := t.TempDir()
	log, state := filepath.Join(dir, "a.log"), filepath.Join(dir, "state")
	appendTo(t, log, "before\n")
	config := table(t, "paths", []string{dir + "/*.log"}, "topic", "l", "state", state, "rescan", "1h")
	b := plugintest.NewBus(t)
	run := func(body func(h *plugintest.Harness)) {
		h := plugintest.StartOn(t, b, Run, config)
		h.Ready()
		h.Await("its status", func() bool { return strings.HasPrefix(h.Notice().Status, "following") })
		body(h)
		h.Stop()
	}
	h := plugintest.StartOn(t, b, Run, config)
	s := h.Subscribe("l")
	h.Ready()
	appendTo(t, log, "1\nha")
	h.Expect(s, "1")
	h.Stop()

	appendTo(t, log, "lf\n2\n")
	run(func(h *plugintest.Harness) { h.Expect(s, "half", "2") })

	// A file that came meanwhile is new from its start.
	appendTo(t, filepath.Join(dir, "b.log"), "b\n")
	run(func(h *plugintest.Harness) { h.Expect(s, "b") })

	// A file that was rotated meanwhile is read to its end under its new name.
	appendTo(t, log, "3\n")
	noError(t, os.Rename(log, log+".1"))
	appendTo(t, log, "4\n")
	run(func(h *plugintest.Harness) { h.Expect(s, "3", "4") })

	// So is one whose name nothing has yet.
	appendTo(t, log, "5\n")
	noError(t, os.Rename(log, log+".1"))
	run(func(h *plugintest.Harness) {
		h.Expect(s, "5")
		appendTo(t, log+".1", "6\n")
		h.Expect(s, "6")
		appendTo(t, log, "7\n")
		h.Expect(s, "7")
	})

	// One that was truncated meanwhile is read from its start, however long it is by now.
	noError(t, os.WriteFile(log, []byte("eight is longer\n"), 0o600))
	run(func(h *plugintest.Harness) { h.Expect(s, "eight is longer") })
	run(func(h *plugintest.Harness) {
		appendTo(t, log, "9\n")
		h.Expect(s, "9")
	})
}

func TestNoLineIsLostOverSeveralRotations(t *testing.T) {
	dir := t.TempDir()
	log, state := filepath.Join(dir, "a.log"), filepath.Join(dir, "state")
	appendTo(t, log+".9", "long ago\n")
	noError(t, os.Chtimes(log+".9", time.Time{}, time.Now().Add(-time.Hour)))
	appendTo(t, log, "1\n")
	config := table(t, "paths", []string{log}, "topic", "l", "state", state, "rescan", "1h", "from", "start")
	b := plugintest.NewBus(t)
	h := plugintest.StartOn(t, b, Run, config)
	s := h.Subscribe("l")
	h.Expect(s, "1")
	again := func(want ...string) {
		t.Helper()
		h = plugintest.StartOn(t, b, Run, config)
		h.Expect(s, want...)
	}

	// Each rotation takes the next number.
	h.Stop()
	appendTo(t, log, "2\n")
	noError(t, os.Rename(log, log+".2"))
	appendTo(t, log, "3\n")
	noError(t, os.Rename(log, log+".3"))
	appendTo(t, log, "4\n")
	again("2", "3", "4")

	// All of them move by one, and nothing has the name in the end; what has no number behind its name is another file.
	h.Stop()
	appendTo(t, log, "5\n")
	appendTo(t, log+".old", "another\n")
	appendTo(t, log+"-2.gz", "squeezed\n")
	noError(t, os.Rename(log, log+".1"))
	appendTo(t, log, "6\n")
	noError(t, os.Rename(log+".1", log+".2"))
	noError(t, os.Rename(log, log+".1"))
	again("5", "6")
	appendTo(t, log+".1", "7\n")
	h.Expect(s, "7")
	appendTo(t, log, "8\n")
	h.Expect(s, "8")

	// The first one is gone, because only one is kept.
	h.Stop()
	noError(t, os.Rename(log, log+".1"))
	appendTo(t, log, "9\n")
	noError(t, os.Rename(log, log+".1"))
	appendTo(t, log, "10\n")
	again("9", "10")

	// It is copied and truncated.
	h.Stop()
	appendTo(t, log, "11\n")
	all, err := os.ReadFile(log)
	noError(t, err)
	noError(t, os.WriteFile(log+".1", all, 0o600))
	noError(t, os.WriteFile(log, []byte("12\n"), 0o600))
	again("11", "12")
	h.Stop()
}

func TestAStartThatCannotOpenAFileLosesNoRotations(t *testing.T) {
	dir := t.TempDir()
	log, state := filepath.Join(dir, "a.log"), filepath.Join(dir, "state")
	at := func(path string, ago time.Duration) { noError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-ago))) }
	appendTo(t, log, "1\n")
	config := table(t, "paths", []string{dir + "/*.log"}, "topic", "l", "state", state, "rescan", "1h", "from", "start")
	b := plugintest.NewBus(t)
	h := plugintest.StartOn(t, b, Run, config)
	s := h.Subscribe("l")
	h.Expect(s, "1")
	h.Stop()
	at(state, 3*time.Hour)

	appendTo(t, log, "2\n")
	at(log, 2*time.Hour)
	noError(t, os.Rename(log, log+".2"))
	appendTo(t, log, "3\n")
	at(log, time.Hour)
	noError(t, os.Rename(log, log+".1"))
	noError(t, os.Mkdir(log, 0o700))
	for i := range 2 { // and the state file is written for others
		appendTo(t, filepath.Join(dir, fmt.Sprint(i, ".log")), fmt.Sprintf("other %d\n", i))
		h = plugintest.StartOn(t, b, Run, config)
		h.Expect(s, fmt.Sprint("other ", i))
		h.Await("its status", func() bool { return strings.HasSuffix(h.Notice().Status, "1 cannot be used, see the log") })
		h.Stop()
	}
	noError(t, os.Remove(log))
	appendTo(t, log, "4\n")
	h = plugintest.StartOn(t, b, Run, config)
	h.Expect(s, "2", "3", "4")
	h.Stop()
}

func TestAFileIsReadOnceThoughItsNewNameIsFollowedToo(t *testing.T) {
	dir := t.TempDir()
	log, state := filepath.Join(dir, "a.log"), filepath.Join(dir, "state")
	rotate := func() {
		if _, err := os.Stat(log + ".1"); err == nil {
			noError(t, os.Rename(log+".1", log+".2"))
		}
		noError(t, os.Rename(log, log+".1"))
	}
	appendTo(t, log, "1\n2\n")
	config := table(t, "paths", []string{dir + "/a.log*"}, "topic", "l", "state", state, "rescan", "20ms", "from", "start")
	b := plugintest.NewBus(t)
	h := plugintest.StartOn(t, b, Run, config)
	s := h.Subscribe("l")
	h.Expect(s, "1", "2")
	n := 2
	line := func(path string) {
		n++
		appendTo(t, path, fmt.Sprintf("%d\n", n))
	}
	expect := func() { h.Expect(s, fmt.Sprint(n)) }
	for i := range 3 { // while it runs
		rotate()
		line(log)
		expect()
		line(log + ".1")
		expect()
		appendTo(t, log+".1", "be")
		h.Await("each is the file of its own path", func() bool { return h.Notice().Status == fmt.Sprintf("following %d files", min(i+2, 3)) })
		appendTo(t, log+".1", "gun\n")
		h.Expect(s, "begun")
	}
	for range 3 { // while it does not
		h.Stop()
		line(log)
		rotate()
		line(log)
		h = plugintest.StartOn(t, b, Run, config)
		h.Expect(s, fmt.Sprint(n-1), fmt.Sprint(n))
		line(log + ".1")
		expect()
		line(log + ".2")
		expect()
	}
	h.Stop()
}

func TestAFileThatALinkLedToIsFoundAgain(t *testing.T) {
	dir := t.TempDir()
	data, link, state := filepath.Join(dir, "data"), filepath.Join(dir, "link"), filepath.Join(dir, "state")
	log := filepath.Join(data, "a.log")
	for _, d := range []string{data, link, filepath.Join(dir, "new")} {
		noError(t, os.Mkdir(d, 0o700))
	}
	appendTo(t, log, "")
	noError(t, os.Symlink("../data/a.log", filepath.Join(link, "a.log")))
	config := table(t, "paths", []string{link + "/*.log"}, "topic", "l", "state", state, "rescan", "1h")
	b := plugintest.NewBus(t)
	h := plugintest.StartOn(t, b, Run, config)
	h.Ready()
	s := h.Subscribe("l")
	again := func(want ...string) {
		t.Helper()
		h = plugintest.StartOn(t, b, Run, config)
		h.Expect(s, want...)
		h.Stop()
	}
	h.Stop()

	appendTo(t, log, "1\n")
	noError(t, os.Rename(log, log+".1"))
	appendTo(t, log, "2\n")
	again("1", "2")

	appendTo(t, log, "3\n")
	noError(t, os.Rename(log, log+".1")) // and the link leads nowhere
	again("3")

	appendTo(t, log+".1", "4\n")
	appendTo(t, filepath.Join(dir, "new", "a.log"), "5\n")
	noError(t, os.Remove(filepath.Join(link, "a.log")))
	noError(t, os.Symlink("../new/a.log", filepath.Join(link, "a.log")))
	again("4", "5")
}

func TestAPluginThatIsKilledPublishesLinesAgainRatherThanNot(t *testing.T) {
	dir := t.TempDir()
	log, state := filepath.Join(dir, "a.log"), filepath.Join(dir, "state")
	appendTo(t, log, "")
	config := table(t, "paths", []string{log}, "topic", "l", "state", state, "rescan", "1h")
	h := plugintest.Start(t, Run, config)
	s := h.Subscribe("l")
	h.Ready()
	appendTo(t, log, "1\n")
	h.Expect(s, "1")
	h.Await("the state file", func() bool {
		var was saved
		return plugins.ReadJSON(state, &was) == nil && len(was.Files[log]) == 1 && was.Files[log][0].Offset == 2
	})
	killed, err := os.ReadFile(state) // what a killed plugin would leave
	noError(t, err)
	appendTo(t, log, "2\n")
	h.Expect(s, "2")
	h.Stop()
	noError(t, os.WriteFile(state, killed, 0o600))
	unfinished := state + ".1.new"
	noError(t, os.WriteFile(unfinished, killed[:1], 0o600))
	again := plugintest.StartOn(t, h.Bus, Run, config)
	again.Expect(s, "2")
	again.Stop()
	if _, err := os.Stat(unfinished); !os.IsNotExist(err) {
		t.Errorf("what was left unfinished is there: %v", err)
	}
}

func TestAStateFileThatMakesNoSenseIsNoHarm(t *testing.T) {
	dir := t.TempDir()
	log, state := filepath.Join(dir, "a.log"), filepath.Join(dir, "state")
	appendTo(t, log, "1\n")
	config := table(t, "paths", []string{log}, "topic", "l", "state", state, "from", "start")
	noError(t, os.WriteFile(state, []byte("{"), 0o600))
	if err := plugintest.Run(t, Run, config); err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("half a state file: %v", err)
	}
	info, err := os.Stat(log)
	noError(t, err)
	for _, place := range []string{
		`{"offset":-5,"file":%q,"length":0,"sum":""}`, `{"offset":1,"file":%q,"length":99999999999,"sum":""}`, `{"offset":1,"file":%q,"length":-1,"sum":"x"}`,
		`{"offset":99,"file":%q,"length":1,"sum":"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"}`,
	} {
		text := fmt.Sprintf(`{"patterns":[%q],"files":{%q:[`+place+`],"elsewhere":[{}]}}`, log, log, fileID(info))
		noError(t, os.WriteFile(state, []byte(text), 0o600))
		h := plugintest.Start(t, Run, config)
		h.Expect(h.Subscribe("l"), "1")
		h.Stop()
	}
}
