//go:build linux

package bus_test

import (
	"errors"
	"os"
	"testing"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

func TestPruneRemovesWhatNobodyHolds(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	if all, err := b.Unheld(); len(all) != 0 || err != nil {
		t.Fatalf("without a directory: %v, %v", all, err)
	}
	noError(t, b.CreateTopic("nobody", bus.TopicOptions{}))
	p := publisher(t, b, "gone")
	publish(t, p, "1", "2")
	noError(t, p.Close())
	held := publisher(t, b, "held", lossless)
	tap := subscribe(t, b, "nobody", bus.ReadOnly())

	other := openAt(t, dir)
	want := func(all []bus.Unheld, err error, topics ...string) {
		t.Helper()
		noError(t, err)
		if len(all) != len(topics) {
			t.Fatalf("unheld are %+v, want %v", all, topics)
		}
		for i, u := range all {
			if u.Topic != topics[i] || u.Segment != "main" || u.Memory <= 0 {
				t.Fatalf("unheld are %+v, want %v", all, topics)
			}
		}
	}
	all, err := other.Unheld()
	want(all, err, "gone", "nobody")
	if all[0].Frames != 2 {
		t.Errorf("the topic is told of as %+v", all[0])
	}
	all, err = other.Prune()
	want(all, err, "gone", "nobody")
	publish(t, held, "goes on")
	if _, err := tap.TryReceive(); !errors.Is(err, bus.ErrNoTopic) {
		t.Errorf("the tap of a pruned topic was told %v", err)
	}

	// What the dead hold is held by nobody. With nothing in it and nobody on it the segment goes as well.
	p = publisher(t, b, "t", lossless)
	publish(t, p, "x")
	h := testproc.Start(t, "hold a frame", dir)
	h.Expect("holding")
	noError(t, errors.Join(p.Close(), held.Close(), tap.Close()))
	all, err = other.Unheld()
	want(all, err, "held")
	h.Kill()
	noError(t, b.Close())
	all, err = other.Prune()
	want(all, err, "held", "t", "")
	files, err := os.ReadDir(dir)
	noError(t, err)
	if len(files) != 1 || files[0].Name() != "bus.lock" {
		t.Errorf("left in the directory are %v", files)
	}
	publish(t, publisher(t, other, "again"), "works")
}
