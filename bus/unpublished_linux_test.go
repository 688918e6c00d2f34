package bus_test

import (
	"encoding/binary"
	"path/filepath"
	"testing"

	"shmbus/bus"
	"shmbus/segment"
)

// Who is killed between making a region and publishing it leaves memory that no topic has. The next one who makes a topic gives it back.
func TestARegionThatWasNeverPublishedIsGivenBack(t *testing.T) {
	for name, amid := range map[string]bool{"before": false, "amid the table's stores": true} {
		t.Run(name, func(t *testing.T) { unpublished(t, amid) })
	}
}

func unpublished(t *testing.T, amid bool) {
	dir := newDir(t)
	path := filepath.Join(dir, "main.seg")
	b, err := bus.Open(dir)
	noError(t, err)
	defer b.Close()
	small := bus.TopicOptions{Slots: 64}
	noError(t, b.CreateTopic("a", small))
	publish(t, publisher(t, b, "a"), "kept")
	before := blocks(t, path)

	seg, err := segment.Open(dir, "main", segment.ReadWrite)
	noError(t, err)
	off, err := seg.Grow(64<<20, nil)
	noError(t, err)
	if amid {
		e := seg.Table()[320:] // the place behind a's
		for i, v := range []uint64{3, 0, uint64(off), 64 << 20} {
			binary.NativeEndian.PutUint64(e[8*i:], v)
		}
	}
	noError(t, seg.Close())
	if left := blocks(t, path) - before; left < 64<<20 {
		t.Fatalf("the region has %d bytes", left)
	}

	noError(t, b.CreateTopic("b", small))
	if left := blocks(t, path) - before; left > 4<<20 {
		t.Errorf("%d bytes more than before", left)
	}
	if got := string(receive(t, subscribe(t, b, "a", bus.FromOldest())).Bytes()); got != "kept" {
		t.Errorf("the other topic's frame is %q", got)
	}
}

// What a removed topic leaves is for those who still look. It stays when the topic's place is free and a maker was killed amid its stores to it.
func TestARemovedTopicIsSeenToBeGoneThoughAMakerWasKilled(t *testing.T) {
	for done := range 6 {
		dir := newDir(t)
		b := openAt(t, dir)
		noError(t, b.CreateTopic("removed", bus.TopicOptions{}))
		tap := subscribe(t, b, "removed", bus.ReadOnly())
		noError(t, b.RemoveTopic("removed"))

		seg, err := segment.Open(dir, "main", segment.ReadWrite)
		noError(t, err)
		e := seg.Table()
		word := func(i int) uint64 { return binary.NativeEndian.Uint64(e[8*i:]) }
		off, err := seg.Grow(1<<20, nil)
		noError(t, err)
		for _, w := range []struct {
			at    int
			value uint64
		}{{7, word(2) + word(3)}, {0, word(0) | 3}, {1, 1}, {2, uint64(off)}, {3, 1 << 20}, {4, 1}}[:done+1] {
			binary.NativeEndian.PutUint64(e[8*w.at:], w.value)
		}
		noError(t, seg.Close())

		noError(t, b.CreateTopic("new", bus.TopicOptions{}))
		_, err = tap.TryReceive()
		is(t, err, bus.ErrNoTopic, `"removed"`)
	}
}
