//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
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
