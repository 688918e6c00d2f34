//go:build linux

package filetail

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fsnotify/fsnotify"

	"shmbus/bus"
	"shmbus/plugins/plugintest"
)

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// appendTo appends to a file, which it makes if need be.
func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	noError(t, err)
	_, err = f.WriteString(text)
	noError(t, err)
	noError(t, f.Close())
}

// table makes a config of pairs.
func table(t *testing.T, pairs ...any) string {
	t.Helper()
	m := make(map[string]any)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	b, err := json.Marshal(m)
	noError(t, err)
	return string(b)
}

func TestLinesArePublishedWhenTheyAreWhole(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.log")
	appendTo(t, log, "old\nbeg")
	h := plugintest.Start(t, Run, table(t, "paths", []string{log}, "topic", "log/{name}", "rescan", "1h"))
	s := h.Subscribe("log/a.log")
	h.Ready()
	h.Await("its status", func() bool { return h.Notice().Status == "following 1 files" })
	appendTo(t, log, "un\nsecond\n\nthi")
	h.Expect(s, "begun", "second", "")
	appendTo(t, log, "rd\n")
	h.Expect(s, "third")
	h.Stop()
}

func TestAFileWithoutLinesIsBegunAtItsEnd(t *testing.T) {
	for size, want := range map[int]string{0: "x", 1000: strings.Repeat("a", 1000) + "x", 3 << 20: "x"} {
		log := filepath.Join(t.TempDir(), "a.log")
		appendTo(t, log, strings.Repeat("a", size))
		h := plugintest.Start(t, Run, table(t, "paths", []string{log}, "topic", "l", "rescan", "1h"))
		h.Ready()
		appendTo(t, log, "x\n")
		h.Expect(h.Subscribe("l"), want)
		h.Stop()
	}
}

func TestAllOfAFileAndMoreThanABufferOfLines(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.log")
	var text strings.Builder
	for i := range 50000 {
		fmt.Fprintf(&text, "%d%s\n", i, strings.Repeat("x", i%97))
	}
	appendTo(t, log, text.String())
	b := plugintest.NewBus(t)
	noError(t, b.CreateTopic("l", bus.TopicOptions{Policy: bus.PolicyLossless}))
	s, err := b.Subscribe(t.Context(), "l", bus.Lossless())
	noError(t, err)
	defer s.Close()
	h := plugintest.StartOn(t, b, Run, table(t, "paths", []string{log}, "from", "start"), "l")
	for i := range 50000 {
		h.Expect(s, fmt.Sprintf("%d%s", i, strings.Repeat("x", i%97)))
	}
	h.Stop()
}

func TestAFileThatIsRotatedIsReadToItsEnd(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "a.log")
	appendTo(t, log, "")
	h := plugintest.Start(t, Run, table(t, "paths", []string{log}, "topic", "l", "rescan", "1h"))
	s := h.Subscribe("l")
	h.Ready()
	for i := range 20 {
		appendTo(t, log, fmt.Sprintf("%d before\n", i))
		noError(t, os.Rename(log, log+".1"))
		appendTo(t, log+".1", fmt.Sprintf("%d under its new name\n", i))
		h.Expect(s, fmt.Sprintf("%d before", i), fmt.Sprintf("%d under its new name", i))
		appendTo(t, log, fmt.Sprintf("%d in a new file\n", i))
		h.Expect(s, fmt.Sprintf("%d in a new file", i))
		appendTo(t, log+".1", fmt.Sprintf("%d late\n", i))
		h.Expect(s, fmt.Sprintf("%d late", i))
	}
	h.Stop()
}

func TestTheLastLineOfAFileThatWasReplacedNeedsNoNewline(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "a.log")
	appendTo(t, log, "x\nlast")
	h := plugintest.Start(t, Run, table(t, "paths", []string{log}, "topic", "l", "rescan", "20ms", "from", "start"))
	s := h.Subscribe("l")
	h.Expect(s, "x")
	noError(t, os.Rename(log, log+".1"))
	appendTo(t, log, "new\n")
	got := []string{text(h, s), text(h, s)} // in the order that time brings
	if slices.Sort(got); !slices.Equal(got, []string{"last", "new"}) {
		t.Errorf("%q", got)
	}
	h.Stop()
}

// text is the next frame.
func text(h *plugintest.Harness, s *bus.Subscriber) string {
	f := h.Receive(s)
	defer f.Release()
	return string(f.Bytes())
}

func TestAFileThatIsTruncatedIsReadFromItsStart(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.log")
	appendTo(t, log, "")
	h := plugintest.Start(t, Run, table(t, "paths", []string{log}, "topic", "l", "rescan", "1h"))
	s := h.Subscribe("l")
	h.Ready()
	appendTo(t, log, "one\ntwo\nhalf")
	h.Expect(s, "one", "two")
	noError(t, os.Truncate(log, 0))
	appendTo(t, log, "1\n")
	h.Expect(s, "1")
	// And one that is longer than before at once: its beginning tells.
	noError(t, os.WriteFile(log, []byte("a longer text than that before it\n"), 0o600))
	h.Expect(s, "a longer text than that before it")
	h.Stop()
}

func TestFilesAndDirectoriesThatComeLaterAreFollowed(t *testing.T) {
	dir := t.TempDir()
	h := plugintest.Start(t, Run, table(t, "paths", []string{dir + "/*/x/*.log", dir + "/made.txt"}, "topic", "l/{name}", "rescan", "1h"))
	h.Ready()
	appendTo(t, filepath.Join(dir, "made.txt"), "hello\n")
	h.Expect(h.Subscribe("l/made.txt"), "hello")
	noError(t, os.MkdirAll(filepath.Join(dir, "a", "x"), 0o700))
	appendTo(t, filepath.Join(dir, "a", "x", "1.log"), "one\n")
	appendTo(t, filepath.Join(dir, "a", "x", "1.txt"), "not this\n")
	h.Expect(h.Subscribe("l/1.log"), "one")
	appendTo(t, filepath.Join(dir, "a", "x", "2.log"), "two\n")
	h.Expect(h.Subscribe("l/2.log"), "two")
	if names, err := h.Bus.Topics(); err != nil || len(names) != 3 {
		t.Errorf("topics %v, %v", names, err)
	}
	h.Stop()
}

func TestALineThatIsTooLongComesInPieces(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.log")
	b := plugintest.NewBus(t)
	noError(t, b.CreateTopic("l", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 8, CellSize: 64}))
	s, err := b.Subscribe(t.Context(), "l", bus.Lossless())
	noError(t, err)
	defer s.Close()
	h := plugintest.StartOn(t, b, Run, table(t, "paths", []string{log}, "from", "start"), "l")
	h.Ready()
	p, err := b.Publisher("l")
	noError(t, err)
	most := p.MaxFrame()
	noError(t, p.Close())
	for _, n := range []int{most - 1, most, most + 1, 2 * most, 100*most + 1} {
		line := strings.Repeat("0123456789abcdef", n/16+1)[:n]
		appendTo(t, log, line[:n/2])
		appendTo(t, log, line[n/2:]+"\nend\n")
		var got strings.Builder
		for got.Len() < n {
			f := h.Receive(s)
			if len(f.Bytes()) == 0 || len(f.Bytes()) > most {
				t.Fatalf("a frame of %d bytes", len(f.Bytes()))
			}
			got.Write(f.Bytes())
			f.Release()
		}
		if got.String() != line {
			t.Fatalf("a line of %d bytes comes as %q", n, got.String())
		}
		h.Expect(s, "end")
	}
	h.Stop()
}

func TestASymbolicLinkIsFollowedToItsFile(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	appendTo(t, filepath.Join(other, "1"), "")
	appendTo(t, filepath.Join(other, "2"), "second\n")
	noError(t, os.Symlink(filepath.Join(other, "1"), filepath.Join(dir, "link")))
	h := plugintest.Start(t, Run, table(t, "paths", []string{dir + "/link"}, "topic", "l", "rescan", "1h"))
	s := h.Subscribe("l")
	h.Ready()
	h.Await("its status", func() bool { return h.Notice().Status == "following 1 files" })
	appendTo(t, filepath.Join(other, "1"), "first\n")
	h.Expect(s, "first")
	noError(t, os.Symlink(filepath.Join(other, "2"), filepath.Join(dir, "new")))
	noError(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "link")))
	h.Expect(s, "second")
	h.Stop()
}

func TestAllPathsThatLeadToAFileAreWoken(t *testing.T) {
	dir := t.TempDir()
	noError(t, os.Mkdir(filepath.Join(dir, "data"), 0o700))
	file := filepath.Join(dir, "data", "a.log")
	appendTo(t, file, "")
	for _, link := range []string{"b.log", "c.log"} {
		noError(t, os.Symlink(file, filepath.Join(dir, link)))
	}
	h := plugintest.Start(t, Run, table(t, "paths", []string{dir + "/*.log", file}, "topic", "l/{name}", "rescan", "1h"))
	h.Ready()
	h.Await("its status", func() bool { return h.Notice().Status == "following 3 files" })
	for _, line := range []string{"one", "two", "three"} {
		appendTo(t, file, line+"\n")
		for _, name := range []string{"a.log", "b.log", "c.log"} {
			s := h.Subscribe("l/" + name)
			h.Await(name+" has it", func() bool { return last(s) == line })
			noError(t, s.Close())
		}
	}
	h.Stop()
}

// last is the newest frame that is there.
func last(s *bus.Subscriber) (text string) {
	for {
		f, err := s.TryReceive()
		if f == nil || err != nil {
			return text
		}
		text = string(f.Bytes())
		f.Release()
	}
}

func TestAFileThatIsDeletedIsForgotten(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.log")
	appendTo(t, log, "a\nno newline")
	h := plugintest.Start(t, Run, table(t, "paths", []string{log}, "topic", "l/{name}", "rescan", "10ms", "from", "start"))
	s := h.Subscribe("l/a.log")
	h.Expect(s, "a")
	noError(t, os.Remove(log))
	h.Expect(s, "no newline")
	h.Await("its publisher is closed", func() bool {
		st, err := h.Bus.Stat("l/a.log")
		noError(t, err)
		return st.Publishers == 0
	})
	appendTo(t, log, "again\n")
	h.Expect(s, "again")
	h.Stop()
}

func TestWhatIsNoFileIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	noError(t, os.Mkdir(filepath.Join(dir, "a.log"), 0o700))
	appendTo(t, filepath.Join(dir, "b.log"), "b\n")
	h := plugintest.Start(t, Run, table(t, "paths", []string{dir + "/*.log", dir + "/none/*"}, "topic", "l/{name}", "from", "start", "rescan", "10ms"))
	h.Expect(h.Subscribe("l/b.log"), "b")
	h.Await("its status", func() bool { return strings.Contains(h.Notice().Status, "1 files; 2 cannot be used") })
	noError(t, os.Remove(filepath.Join(dir, "a.log")))
	h.Await("its status", func() bool { return strings.Contains(h.Notice().Status, "1 files; 1 cannot be used") })
	noError(t, os.Mkdir(filepath.Join(dir, "none"), 0o700))
	h.Await("its status", func() bool { return h.Notice().Status == "following 1 files" })
	h.Stop()
}

func TestWithoutEventsFilesAreLookedAtAllTheSame(t *testing.T) {
	var asked atomic.Int32
	defer func(f func() (*fsnotify.Watcher, error)) { newWatcher = f }(newWatcher)
	newWatcher = func() (*fsnotify.Watcher, error) {
		if asked.Add(1) < 3 {
			return nil, errors.New("too many of them")
		}
		return fsnotify.NewWatcher()
	}
	log := filepath.Join(t.TempDir(), "a.log")
	h := plugintest.Start(t, Run, table(t, "paths", []string{log}, "topic", "l", "rescan", "1h"))
	h.Ready()
	appendTo(t, log, "found\n")
	s := h.Subscribe("l")
	h.Expect(s, "found")
	h.Await("it asks again", func() bool { return asked.Load() >= 3 })
	appendTo(t, log, "told\n")
	h.Expect(s, "told")
	h.Stop()
}

func TestAConfigThatMakesNoSenseIsRefused(t *testing.T) {
	for config, want := range map[string]string{
		`{}`:                                            "which files",
		`{"paths":["a"]}`:                               "[[topics]]",
		`{"paths":["[a"],"topic":"x"}`:                  "syntax error in pattern",
		`{"paths":[""],"topic":"x"}`:                    "empty path",
		`{"paths":["a"],"topic":"$bus/{name}"}`:         "busd's",
		`{"paths":["a"],"topic":"a//{name}"}`:           "bad topic name",
		`{"paths":["a"],"topic":"a/{foo}"}`:             `"{foo}": there are {name} and {path}`,
		`{"paths":["a"],"topic":"x","from":"middle"}`:   "end and start",
		`{"paths":["a"],"topic":"x","rescan":"1ms"}`:    "at least 10ms",
		`{"paths":["a"],"topic":"x","state":"/none/x"}`: "config.state: ",
		`{"path":["a"],"topic":"x"}`:                    `config.path: there is no such key`,
	} {
		if err := plugintest.Run(t, Run, config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", config, err, want)
		}
	}
}

func TestTopicsOfFiles(t *testing.T) {
	for in, want := range map[[2]string]string{
		{"logs/{name}", "/var/log/a b.log"}: "logs/a b.log",
		{"{path}", "/var/log/x"}:            "var/log/x",
		{"a", "/x"}:                         "a",
		{"{name}", "/x/*\n\xff"}:            "___",
	} {
		if got, err := topicOf(in[0], in[1]); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}
