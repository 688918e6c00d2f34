//go:build linux

package filetail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shmbus/bus"
	"shmbus/plugins"
	"shmbus/plugins/plugintest"
)

// slow makes a topic on which a publisher waits after 16 lines, and a subscription that has read none.
func slow(t *testing.T, b *bus.Bus, topic string) *bus.Subscriber {
	t.Helper()
	noError(t, b.CreateTopic(topic, bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 16, CellSize: 4096}))
	s, err := b.Subscribe(t.Context(), topic, bus.Lossless())
	noError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// long is a line that takes a slot of a slow topic.
func long(i int) string { return fmt.Sprintf("%d %s", i, strings.Repeat("x", 3900)) }

func longLines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(long(i) + "\n")
	}
	return b.String()
}

// places are what the state file has of a path.
func places(state, path string) []place {
	var was saved
	if plugins.ReadJSON(state, &was) != nil {
		return nil
	}
	return was.Files[path]
}

func TestSlowReadersHoldUpNothingElse(t *testing.T) {
	dir := t.TempDir()
	log, other, state := filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log"), filepath.Join(dir, "state")
	appendTo(t, log, longLines(0, 500))
	appendTo(t, other, "")
	b := plugintest.NewBus(t)
	s := slow(t, b, "l/a.log")
	config := table(t, "paths", []string{dir + "/*.log"}, "topic", "l/{name}", "rescan", "1h", "state", state, "from", "start")
	h := plugintest.StartOn(t, b, Run, config)
	h.Ready() // though only sixteen lines are out
	appendTo(t, other, "hello\n")
	h.Expect(h.Subscribe("l/b.log"), "hello")
	atLeast := func(lines int) func() bool {
		return func() bool {
			p := places(state, log)
			return len(p) == 1 && p[0].Offset >= int64(len(longLines(0, lines)))
		}
	}
	h.Await("the state file, with what is out", atLeast(16))
	for i := range 100 {
		h.Expect(s, long(i))
	}
	h.Await("the state file, with what is out now", atLeast(100))
	h.Stop()
	h = plugintest.StartOn(t, b, Run, config)
	for i := 100; i < 500; i++ {
		h.Expect(s, long(i))
	}
	h.Stop()
}

// fullLog is a file with a hundred long lines and one that has not ended, a place for a state file beside it, and a slow topic "l".
func fullLog(t *testing.T) (log, state string, b *bus.Bus, s *bus.Subscriber) {
	t.Helper()
	dir := t.TempDir()
	log, state = filepath.Join(dir, "a.log"), filepath.Join(dir, "state")
	appendTo(t, log, longLines(0, 100)+"no newline")
	b = plugintest.NewBus(t)
	return log, state, b, slow(t, b, "l")
}

func TestAFileIsRotatedTwiceWhileReadersAreSlow(t *testing.T) {
	log, state, b, s := fullLog(t)
	h := plugintest.StartOn(t, b, Run, table(t, "paths", []string{log}, "topic", "l", "rescan", "10ms", "state", state, "from", "start"))
	for i, text := range []string{longLines(101, 150), longLines(150, 200)} {
		h.Await("the file is open", func() bool { return len(places(state, log)) == i+1 })
		noError(t, os.Rename(log, fmt.Sprint(log, ".", i)))
		appendTo(t, log, text)
	}
	h.Await("the last one is open", func() bool { return len(places(state, log)) == 3 })
	for i := range 200 {
		if i == 100 {
			h.Expect(s, "no newline")
			continue
		}
		h.Expect(s, long(i))
	}
	h.Stop()
}

func TestAFileThatIsDeletedWhileReadersAreSlowIsReadToItsEnd(t *testing.T) {
	log, state, b, s := fullLog(t)
	dir := filepath.Dir(log)
	h := plugintest.StartOn(t, b, Run, table(t, "paths", []string{log, dir + "/*.later"}, "topic", "l", "rescan", "10ms", "state", state, "from", "start"))
	h.Ready()
	noError(t, os.Remove(log))
	appendTo(t, filepath.Join(dir, "b.later"), "") // found by a scan, or before it
	h.Await("it goes on", func() bool { return len(places(state, filepath.Join(dir, "b.later"))) == 1 })
	for i := range 100 {
		h.Expect(s, long(i))
	}
	h.Expect(s, "no newline")
	h.Stop()
}
