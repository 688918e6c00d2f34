//go:build unix

package main

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
)

func TestASignalEndsPubAtOnce(t *testing.T) {
	b := openBus(t)
	interrupt := func(t *testing.T, c *process, code int) {
		t.Helper()
		_ = c.Process.Signal(os.Interrupt)
		start := time.Now()
		c.ends(code)
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
	}
	t.Run("while it waits for subscribers", func(t *testing.T) {
		c := command(t, b.Dir(), "pub", "--wait-subscribers", "1", "a")
		c.start()
		c.says("waiting for 1 subscriber")
		interrupt(t, c, 130)
	})
	t.Run("while it waits for input", func(t *testing.T) {
		c := command(t, b.Dir(), "pub", "b")
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		c.start()
		if _, err := io.WriteString(in, "line\n"); err != nil {
			t.Fatal(err)
		}
		published(t, b, "b", 1) // at once, although the input goes on
		interrupt(t, c, 130)
	})
	t.Run("while it waits for room", func(t *testing.T) {
		c := command(t, b.Dir(), "pub", "--lossless", "--slots", "4", "--wait-subscribers", "1", "c")
		c.Stdin = strings.NewReader(strings.Repeat("line\n", 100))
		c.start()
		c.says("waiting for 1 subscriber")
		s, err := b.Subscribe(t.Context(), "c", bus.Lossless())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		eventually(t, "the ring is full", func() bool {
			st, err := b.Stat("c")
			return err == nil && st.Tail-st.Head >= 4
		})
		interrupt(t, c, 130)
		if !strings.Contains(c.err.String(), "interrupted before ") {
			t.Errorf("standard error: %s", c.err.String())
		}
	})
	t.Run("while it waits for its time", func(t *testing.T) {
		c := command(t, b.Dir(), "pub", "--rate", "0.001", "d")
		c.Stdin = strings.NewReader("one\ntwo\n")
		c.start()
		published(t, b, "d", 1)
		interrupt(t, c, 130)
	})
}

// published waits until n frames are on a topic.
func published(t *testing.T, b *bus.Bus, topic string, n uint64) {
	t.Helper()
	eventually(t, "frames are published", func() bool {
		s, err := b.Stat(topic)
		return err == nil && s.Frames == n
	})
}

func TestPubEndsWhenItsTopicIsRemoved(t *testing.T) {
	b := openBus(t)
	c := command(t, b.Dir(), "pub", "--wait-subscribers", "1", "t")
	c.start()
	c.says("waiting for 1 subscriber")
	if err := b.RemoveTopic("t"); err != nil {
		t.Fatal(err)
	}
	c.ends(1)
	if !strings.Contains(c.err.String(), `no topic "t"`) {
		t.Errorf("standard error: %s", c.err.String())
	}
}
