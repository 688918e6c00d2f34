//go:build linux

package filetail

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"shmbus/bus"
	"shmbus/plugins"
	"shmbus/plugins/plugintest"
)

func TestNoLineIsLostWhenATopicIsRemoved(t *testing.T) {
	t.Setenv(plugins.EnvShapes, `[{"name":"l","slots":512,"policy":"lossless"}]`)
	log := filepath.Join(t.TempDir(), "a.log")
	lines := func(from, to int) string {
		var b strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintln(&b, i)
		}
		return b.String()
	}
	appendTo(t, log, lines(0, 100))
	b := plugintest.NewBus(t)
	slow(t, b, "l")
	h := plugintest.StartOn(t, b, Run, table(t, "paths", []string{log}, "rescan", "1h", "from", "start"), "l")
	full := func() bool { st, err := b.Stat("l"); return err == nil && st.Frames == 16 }
	h.Await("the ring is full", full)
	noError(t, b.RemoveTopic("l"))
	s := h.Subscribe("l", bus.Lossless())
	for i := 16; i < 100; i++ {
		h.Expect(s, fmt.Sprint(i))
	}
	noError(t, b.RemoveTopic("l")) // while there is nothing to do
	appendTo(t, log, lines(100, 200))
	s = h.Subscribe("l", bus.Lossless())
	for i := 100; i < 200; i++ {
		h.Expect(s, fmt.Sprint(i))
	}
	h.Stop()
}

func TestALineIsCutAnewForARingThatIsSmaller(t *testing.T) {
	t.Setenv(plugins.EnvShapes, `[{"name":"l","slots":256,"cell":"64B","policy":"lossless"}]`)
	log := filepath.Join(t.TempDir(), "a.log")
	b := plugintest.NewBus(t)
	slow(t, b, "l")
	line := strings.Repeat("0123456789", 1000)
	appendTo(t, log, strings.Repeat("x\n", 16)+line+"\nend\n")
	h := plugintest.StartOn(t, b, Run, table(t, "paths", []string{log}, "rescan", "1h", "from", "start"), "l")
	h.Await("the ring is full", func() bool { st, err := b.Stat("l"); return err == nil && st.Frames == 16 })
	noError(t, b.RemoveTopic("l"))
	s := h.Subscribe("l", bus.Lossless())
	first, second := text(h, s), text(h, s)
	if first+second != line {
		t.Errorf("it comes as %q and %q", first, second)
	}
	h.Expect(s, "end")
	h.Stop()
}
