//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"shmbus/bus"
	"shmbus/internal/mcapfile"
)

// TestWhatIsThereIsRecordedInTheOrderOfItsTimes: of all topics together, so that replay has their timing; without a time at the end; and what
// comes then follows.
func TestWhatIsThereIsRecordedInTheOrderOfItsTimes(t *testing.T) {
	b := openBus(t)
	const turns = 300
	var all []*bus.Publisher
	for i := range 6 {
		all = append(all, publisher(t, b, fmt.Sprint("t/", i), bus.TopicOptions{NoTime: i == 0}))
	}
	want := uint64(0)
	for n := range turns {
		for i, p := range all {
			if n/10%len(all) != i { // now these, now those
				publish(t, p, "there")
				want++
			}
		}
	}
	name := filepath.Join(t.TempDir(), "r.mcap")
	c := command(t, b.Dir(), "record", "-o", name, "--from", "oldest", "--limit", fmt.Sprint(want+1), "t/*", "named")
	c.start()
	c.says(`waiting for topic "named"`)
	publish(t, publisher(t, b, "named", bus.TopicOptions{}), "later")
	c.ends(0)

	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := mcapfile.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	n, last := uint64(0), uint64(0)
	for ; ; n++ {
		c, m, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if m.PublishTime < last {
			t.Fatalf("frame %d, of topic %s, was published before the one that it follows", n, c.Topic)
		}
		last = m.PublishTime
		if later := c.Topic == "named"; later != (n == want) {
			t.Fatalf("frame %d is of topic %s", n, c.Topic)
		}
	}
	if n != want+1 {
		t.Fatalf("%d frames were recorded, want %d", n, want+1)
	}
}
