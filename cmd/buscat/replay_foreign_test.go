//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/foxglove/mcap/go/mcap"

	"shmbus/bus"
	"shmbus/internal/mcapfile"
)

// foreign writes a file as another program may have: a frame, which is the topic's name, on each of the topics.
func foreign(t *testing.T, topics ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "foreign.mcap")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := mcapfile.NewWriter(f, mcapfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, topic := range topics {
		if err := w.Channel(&mcap.Channel{ID: uint16(i), Topic: topic}); err != nil {
			t.Fatal(err)
		}
		if err := w.Message(&mcap.Message{ChannelID: uint16(i), Data: []byte(topic)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// replayed runs a replay, wants its exit code to be code, and is what it said.
func replayed(t *testing.T, b *bus.Bus, code int, args ...string) string {
	t.Helper()
	c := command(t, b.Dir(), append([]string{"replay", "--speed", "0"}, args...)...)
	c.start()
	c.ends(code)
	return c.err.String()
}

// holds wants a topic to have that one frame.
func holds(t *testing.T, b *bus.Bus, topic, frame string) {
	t.Helper()
	s, err := b.Subscribe(t.Context(), topic, bus.ReadOnly(), bus.FromOldest())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := s.TryReceive()
	if err != nil || f == nil {
		t.Fatalf("topic %q: no frame: %v", topic, err)
	}
	defer f.Release()
	if string(f.Bytes()) != frame {
		t.Fatalf("topic %q has %q", topic, f.Bytes())
	}
	if more, err := s.TryReceive(); more != nil || err != nil {
		t.Fatalf("topic %q has more than %q, %v", topic, frame, err)
	}
}

// TestATopicThatCannotBePublishedKeepsNoOtherFromIt: it is told of once, and left out.
func TestATopicThatCannotBePublishedKeepsNoOtherFromIt(t *testing.T) {
	b := openBus(t)
	taken := publisher(t, b, "taken", bus.TopicOptions{Exclusive: true})
	file := foreign(t, "a//b", "good", "$bus/status", "taken", "better")
	said := replayed(t, b, 1, "--loop=2", file)
	for _, what := range []string{`"a//b"`, `"$bus/status": reserved for busd`, `"taken": the topic has its one publisher`} {
		if strings.Count(said, what) != 1 {
			t.Errorf("%s is not told once", what)
		}
	}
	if !strings.Contains(said, "6 frames could not be published; 4 frames could\n") {
		t.Errorf("it said %s", said)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.RemoveTopic("good"); err != nil {
		t.Fatal(err)
	}
	replayed(t, b, 1, file)
	holds(t, b, "good", "good")
	holds(t, b, "taken", "taken")
}

// TestAnyRecordedNameCanBeChosenAndMapped: also one that the bus does not allow, as the message about it says.
func TestAnyRecordedNameCanBeChosenAndMapped(t *testing.T) {
	b := openBus(t)
	file := foreign(t, "", "a//b", "k=v", "k", "/rooted")
	if said := replayed(t, b, 1, file); !strings.Contains(said, "--map =NEW gives it another one") {
		t.Errorf("it said %s", said)
	}
	for _, topic := range []string{"k", "k=v", "rooted"} {
		if err := b.RemoveTopic(topic); err != nil {
			t.Fatal(err)
		}
	}
	replayed(t, b, 0, "--map", "=empty", "--map", "a//b=double", "--map", "k=v=equal", file)
	holds(t, b, "empty", "")
	holds(t, b, "double", "a//b")
	holds(t, b, "equal", "k=v")
	holds(t, b, "k", "k")

	replayed(t, b, 0, "--topic", "a//b", "--topic", "", "--topic", "/roo*", "--prefix", "new/", "--map", "=x", "--map", "a//b=y", file)
	holds(t, b, "new/x", "")
	holds(t, b, "new/y", "a//b")
	holds(t, b, "new/rooted", "/rooted")
	if all, err := b.Topics(); err != nil || len(all) != 8 {
		t.Errorf("%d topics, %v", len(all), err)
	}
	replayed(t, b, 2, "--topic", "a//*", file)
	replayed(t, b, 2, "--map", "new", file)
	replayed(t, b, 2, "--map", "new=", file)
}
