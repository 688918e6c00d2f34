package bus_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"shmbus/bus"
	"shmbus/segment"
	"shmbus/topics"
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
	grow(t, seg, 32<<20)
	off, size := grow(t, seg, 32<<20) // by another one that was killed
	if amid {
		e := seg.Table()[320:] // the place behind a's
		for i, v := range []uint64{3, 0, uint64(off), uint64(size)} {
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

// grow makes a region with cells of so many bytes, as a maker does that ends before it publishes it.
func grow(t *testing.T, seg *segment.Segment, cells int) (off, size int64) {
	t.Helper()
	g, err := topics.Geometry{Slots: cells / 1024, CellSize: 1024}.Normal()
	noError(t, err)
	page := os.Getpagesize()
	size = g.Areas(page).Size
	off, err = seg.Grow(size, func(region []byte) error { return topics.Format(region, g, page, 1) })
	noError(t, err)
	return off, size
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
		off, size := grow(t, seg, 1<<20)
		for _, w := range []struct {
			at    int
			value uint64
		}{{7, word(2) + word(3)}, {0, word(0) | 3}, {1, 1}, {2, uint64(off)}, {3, uint64(size)}, {4, 1}}[:done+1] {
			binary.NativeEndian.PutUint64(e[8*w.at:], w.value)
		}
		noError(t, seg.Close())

		noError(t, b.CreateTopic("new", bus.TopicOptions{}))
		_, err = tap.TryReceive()
		is(t, err, bus.ErrNoTopic, `"removed"`)
	}
}

// TestADamagedTableCostsNobodyFramesWhenATopicIsMade: what lies behind the last topic, as the table says, is only given back if nobody has ever come to it.
func TestADamagedTableCostsNobodyFramesWhenATopicIsMade(t *testing.T) {
	for _, c := range []struct {
		word int64 // of the entry
		bad  func(x *broken, was uint64) uint64
	}{
		{0, func(*broken, uint64) uint64 { return 1<<2 | 3 }}, // being made
		{0, func(*broken, uint64) uint64 { return 1<<2 | 2 }}, // removed
		{0, func(*broken, uint64) uint64 { return 1 << 2 }},   // free
		{0, func(*broken, uint64) uint64 { return 0 }},
		{16, func(*broken, uint64) uint64 { return 0 }},
		{16, func(x *broken, _ uint64) uint64 { return uint64(x.region) }},
		{16, func(_ *broken, was uint64) uint64 { return was - 4096 }},
		{16, func(_ *broken, was uint64) uint64 { return was ^ 1<<63 }},
		{24, func(*broken, uint64) uint64 { return 0 }},
		{24, func(*broken, uint64) uint64 { return 4096 }},
		{24, func(_ *broken, was uint64) uint64 { return was - 4096 }},
		{24, func(_ *broken, was uint64) uint64 { return was / 2 }},
		{24, func(_ *broken, was uint64) uint64 { return was ^ 1<<63 }},
	} {
		x := breakable(t)
		entry := int64(os.Getpagesize()) + 320 // of the last topic
		p, s := publisher(t, x.b, "other"), subscribe(t, x.b, "other", bus.Lossless())
		publish(t, p, "a", "b", "c", "d")
		was := x.get(entry + c.word)
		x.set(entry+c.word, c.bad(x, was))
		t.Logf("word %d: %#x becomes %#x: %v", c.word, was, c.bad(x, was), openAt(t, x.dir).CreateTopic("new", bus.TopicOptions{}))
		expect(t, s, "a", "b", "c", "d")
		publish(t, p, "e")
		expect(t, s, "e")
	}
}
