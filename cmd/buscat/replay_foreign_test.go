//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/foxglove/mcap/go/mcap"

	"shmbus/bus"
	"shmbus/internal/mcapfile"
)

// foreign writes a file as another program may have: a frame, which is the topic's name, on each of the topics.
func foreign(t *testing.T, topics ...string) string {
	t.Helper()
	var all []part
	for _, topic := range topics {
		all = append(all, part{mcap.Channel{Topic: topic}, topic})
	}
	return foreignParts(t, all...)
}

// A part is a channel and its one frame.
type part struct {
	mcap.Channel
	frame string
}

func foreignParts(t *testing.T, parts ...part) string {
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
	for i, p := range parts {
		p.ID = uint16(i)
		if err := w.Channel(&p.Channel); err != nil {
			t.Fatal(err)
		}
		if err := w.Message(&mcap.Message{ChannelID: p.ID, Data: []byte(p.frame)}); err != nil {
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

// TestATopicThatCannotBeAsItIsAskedForKeepsNoOtherFromIt: no room for it, no places to wait for, a ring that is none, a frame that is no msgpack here.
func TestATopicThatCannotBeAsItIsAskedForKeepsNoOtherFromIt(t *testing.T) {
	b := openBus(t)
	large := mcap.Channel{Topic: "large", Metadata: map[string]string{metaSlots: "65536", metaCell: "65536"}}
	file := foreignParts(t, part{large, "large"}, part{mcap.Channel{Topic: "good"}, "good"})
	left := func(said string, what ...string) {
		t.Helper()
		for _, what := range append(what, "its frames are left out\n", "1 frame could not be published; 1 frame could\n") {
			if strings.Count(said, what) != 1 {
				t.Errorf("it said %s, and not once %s", said, what)
			}
		}
		holds(t, b, "good", "good")
		if err := b.RemoveTopic("good"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.CreateTopic("good", bus.TopicOptions{}); err != nil { // it stays as it is
		t.Fatal(err)
	}
	left(replayed(t, b, 1, "--slots", "67108864", "--topic", "large", "--topic", "good", file), `"large"`, "a ring has at most")

	if runtime.GOOS == "linux" { // elsewhere nobody looks how large files may be
		c := command(t, b.Dir(), "replay", "--speed", "0", file)
		c.Args = append([]string{"sh", "-c", `ulimit -f 1000000; exec "$0" "$@"`, c.Path}, c.Args[1:]...)
		sh, err := exec.LookPath("sh")
		if err != nil {
			t.Fatal(err)
		}
		c.Path = sh
		c.start()
		c.ends(1)
		left(c.err.String(), `"large"`, "no space")
	}

	if err := b.CreateTopic("small", bus.TopicOptions{MaxSubscribers: 1}); err != nil {
		t.Fatal(err)
	}
	if err := b.CreateTopic("good", bus.TopicOptions{}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s, err := b.Subscribe(t.Context(), "good")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
	left(replayed(t, b, 1, "--wait-subscribers", "2", foreign(t, "small", "good")), "places for 1")

	deep := part{mcap.Channel{Topic: "deep", MessageEncoding: encodingMsgpack}, strings.Repeat("\x91", 100_000) + "\x01"}
	said := replayed(t, b, 1, foreignParts(t, deep, deep, part{mcap.Channel{Topic: "good"}, "good"}))
	if strings.Count(said, `topic "deep"`) != 1 || !strings.Contains(said, "2 frames could not be published; 1 frame could\n") {
		t.Errorf("it said %s", said)
	}
	holds(t, b, "good", "good")
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
	if said := replayed(t, b, 0, "--topic", "/rooted", "--map", "/rooted=turned", "--map", "/k=l", file); strings.Contains(said, "/rooted") || !strings.Contains(said, `"/k"`) {
		t.Errorf("it said %s", said)
	}
	holds(t, b, "turned", "/rooted")
	if err := b.RemoveTopic("k"); err != nil {
		t.Fatal(err)
	}
	replayed(t, b, 0, "--topic", "k", "--map", "k=near", "--map", "/k=far", file)
	holds(t, b, "near", "k")
	replayed(t, b, 2, "--topic", "a//*", file)
	replayed(t, b, 2, "--map", "new", file)
	replayed(t, b, 2, "--map", "new=", file)
}
