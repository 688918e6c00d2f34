//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/mcapfile"
)

// A heldRecorder writes into a pipe. It joins the topics, so
// that it can be seen on them.
type heldRecorder struct {
	*process
	pipe *os.File
}

// holdUp starts a recorder of all topics, for so many frames beside those of the topic "much", which hold it up until the test reads.
func holdUp(t *testing.T, b *bus.Bus, limit int) heldRecorder {
	t.Helper()
	const much = 75
	p := publisher(t, b, "much", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 8192, CellSize: 1024})
	for range much {
		publish(t, p, string(make([]byte, 100_000)))
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	t.Cleanup(func() { r.Close() })
	h := heldRecorder{command(t, b.Dir(), "record", "-o", "/dev/fd/3", "--force", "--compression", "none", "--lossless", "--from", "oldest", "--limit", fmt.Sprint(much+limit), "*"), r}
	h.ExtraFiles = []*os.File{w}
	h.start()
	return h
}

// recorded is what is recorded until the recorder ends, of each topic.
func (h heldRecorder) recorded(t *testing.T) map[string][]string {
	t.Helper()
	if err := h.pipe.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	r, err := mcapfile.NewReader(h.pipe)
	if err != nil {
		t.Fatal(err)
	}
	payloads := make(map[string][]string)
	for {
		c, m, err := r.Next()
		if errors.Is(err, io.EOF) {
			h.ends(0)
			return payloads
		}
		if err != nil {
			t.Fatal(err)
		}
		payloads[c.Topic] = append(payloads[c.Topic], string(m.Data))
	}
}

func isSubscribedTo(t *testing.T, b *bus.Bus, topic string) {
	t.Helper()
	eventually(t, "the topic is subscribed to", func() bool {
		s, err := b.Stat(topic)
		return err == nil && s.Subscribers == 1
	})
}

// TestATopicThatIsRemovedWhileWhatIsThereIsRecorded: what was published since it was subscribed to is recorded.
func TestATopicThatIsRemovedWhileWhatIsThereIsRecorded(t *testing.T) {
	b := openBus(t)
	p := publisher(t, b, "removed", bus.TopicOptions{Policy: bus.PolicyLossless})
	publish(t, p, "there")
	h := holdUp(t, b, 2)
	isSubscribedTo(t, b, "removed")
	publish(t, p, "since")
	if err := b.RemoveTopic("removed"); err != nil {
		t.Fatal(err)
	}
	if got := h.recorded(t)["removed"]; len(got) != 2 || got[1] != "since" {
		t.Errorf("recorded are %q", got)
	}
}

// TestATopicIsReadWhileWhatIsThereIsRecorded: its ring may be overwritten before it is its turn.
func TestATopicIsReadWhileWhatIsThereIsRecorded(t *testing.T) {
	b := openBus(t)
	p := publisher(t, b, "fast", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 64})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	send := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			if err := p.Publish(ctx, fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	const there, all = 40, 1000
	send(0, there)
	h := holdUp(t, b, all)
	isSubscribedTo(t, b, "fast")
	send(there, all) // which waits for the recorder to read
	got := h.recorded(t)["fast"]
	if len(got) != all {
		t.Fatalf("%d frames of %d", len(got), all)
	}
	for i, s := range got {
		if s != fmt.Sprint(i) {
			t.Fatalf("frame %d is %q", i, s)
		}
	}
}

// addFeed adds a feed of which not all is read.
func addFeed(b *backlog) *feed {
	f := &feed{recording: new(recording)}
	b.add(nil, f, 1)
	return f
}

// TestABacklogHoldsNoMoreThanThereIsRoomFor: then what is held goes on, though older frames may come.
func TestABacklogHoldsNoMoreThanThereIsRoomFor(t *testing.T) {
	const all, room = 1000, 100
	m := message{at: time.Unix(1, 0)}
	b := newBacklog(room * m.room())
	late, one, two := addFeed(b), addFeed(b), addFeed(b)
	b.added()
	send := func(f *feed, n int) {
		for i := range n {
			b.hold(message{feed: f, at: m.at.Add(time.Duration(i)), sequence: uint64(i)})
		}
		b.read(f)
	}
	go send(one, all)
	go send(two, all)
	next := map[*feed]uint64{}
	for i := range 2*all + 1 {
		if i == 2*all-2*room {
			go send(late, 1)
		}
		got, ok := b.next()
		if !ok || got.sequence != next[got.feed] {
			t.Fatalf("%v, %v; it is the turn of %d", got, ok, next[got.feed])
		}
		next[got.feed]++
		b.mu.Lock()
		if b.held > room*m.room() {
			t.Errorf("%d bytes are held", b.held)
		}
		b.mu.Unlock()
	}
	if m, ok := b.next(); ok || next[late] != 1 {
		t.Errorf("%v comes, and so many of the late feed: %d", m, next[late])
	}
}

// TestABacklogEnds also when frames come as fast as they are written.
func TestABacklogEnds(t *testing.T) {
	b := newBacklog(100 * new(message).room())
	f := addFeed(b)
	b.added()
	b.hold(message{feed: f})
	b.read(f)
	done := make(chan uint64)
	go func() {
		n := uint64(1)
		for b.hold(message{feed: f, sequence: n}) {
			n++
		}
		done <- n
	}()
	n := uint64(0)
	for m, ok := b.next(); ok; m, ok = b.next() {
		if m.sequence != n {
			t.Fatalf("%d, and it is the turn of %d", m.sequence, n)
		}
		n++
	}
	if want := <-done; n != want {
		t.Errorf("%d of %d", n, want)
	}
}

// TestATopicGivenByNameIsWaitedForAfterItsBacklog: one that is removed is recorded again when it is made again.
func TestATopicGivenByNameIsWaitedForAfterItsBacklog(t *testing.T) {
	b := openBus(t)
	p := publisher(t, b, "named", bus.TopicOptions{Policy: bus.PolicyLossless})
	publish(t, p, "there")
	r := command(t, b.Dir(), "record", "-o", filepath.Join(t.TempDir(), "named.mcap"), "--from", "oldest", "--lossless", "--limit", "3", "named")
	r.start()
	isSubscribedTo(t, b, "named")
	publish(t, p, "since")
	if err := b.RemoveTopic("named"); err != nil {
		t.Fatal(err)
	}
	publish(t, publisher(t, b, "named", bus.TopicOptions{Policy: bus.PolicyLossless}), "anew")
	r.ends(0)
}
