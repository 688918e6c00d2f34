//go:build linux && shmbus_sched

package bus_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

// TestMakersThatAreKilledTakeNothingFromWhoStillLooks: two of them one after the other, before each store to a place in the table that a removed
// topic had. Their memory is given back, and a tap that has not looked at that topic since is told that it is gone.
func TestMakersThatAreKilledTakeNothingFromWhoStillLooks(t *testing.T) {
	stores := 0
	for _, s := range sourceSites(t) {
		if !strings.HasPrefix(s.name, "topics/table.go:") || !strings.HasPrefix(s.text, "Publish: ") {
			continue
		}
		stores++
		dir := newDir(t)
		b := openAt(t, dir)
		small := bus.TopicOptions{Slots: 64}
		noError(t, b.CreateTopic("removed", small))
		tap := subscribe(t, b, "removed", bus.ReadOnly())
		noError(t, b.RemoveTopic("removed"))
		path := filepath.Join(dir, "main.seg")
		before := blocks(t, path)
		for range 2 {
			h := testproc.Start(t, "victim", dir, "once", s.name, "1")
			for l := range h.Lines() {
				t.Fatalf("%s: the victim lives, and says %q", s.text, l)
			}
			h.Kill()
		}
		if left := blocks(t, path) - before; left < 1<<20 {
			t.Errorf("%s: the victims' regions have %d bytes", s.text, left)
		}
		noError(t, b.CreateTopic("new", small))
		if left := blocks(t, path) - before; left > 256<<10 {
			t.Errorf("%s: %d bytes more than before", s.text, left)
		}
		if _, err := tap.TryReceive(); !errors.Is(err, bus.ErrNoTopic) {
			t.Errorf("%s: the tap is told %v", s.text, err)
		}
		noError(t, tap.Close())
	}
	if stores < 9 {
		t.Errorf("%d stores were found", stores)
	}
}
