package main

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/topics"
)

// TestAFollowerGetsWhatIsThereAndWhatComes: by name and by pattern, each topic once, also when it is made again, and those that come
// later from their first frame.
func TestAFollowerGetsWhatIsThereAndWhatComes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bus")
	open := func() *bus.Bus {
		b, err := bus.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return b
	}
	b := open()
	send := func(topic, frame string) {
		t.Helper()
		p, err := b.Publisher(topic)
		if err == nil {
			err = errors.Join(p.TryPublish([]byte(frame)), p.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	send("a/there", "old")
	var patterns []topics.Pattern
	for _, text := range []string{"a/*", "a/there", "named"} {
		p, err := topics.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		patterns = append(patterns, p)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	got := make(chan string, 100)
	waits := make(chan string, 10)
	f := &follower{
		app: &app{errOut: &bytes.Buffer{}}, bus: open(), patterns: patterns, options: []bus.SubscribeOption{bus.ReadOnly(), bus.FromOldest()},
		waits: func(topic string) { waits <- topic },
		run: func(ctx context.Context, s *bus.Subscriber) error {
			defer s.Close()
			for f, err := range s.Frames(ctx) {
				if err != nil {
					return err
				}
				got <- f.Topic() + " " + string(f.Bytes())
			}
			return nil
		},
	}
	done := make(chan error)
	go func() { done <- f.follow(ctx) }()
	want := func(frame string) {
		t.Helper()
		select {
		case s := <-got:
			if s != frame {
				t.Fatalf("got %q, want %q", s, frame)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%q does not come", frame)
		}
	}
	want("a/there old")
	if w := <-waits; w != "named" {
		t.Fatalf("waits for %q", w)
	}
	send("named", "1")
	want("named 1")
	send("b/other", "no")
	for range 3 {
		send("a/new", "1")
		want("a/new 1")
		if err := b.RemoveTopic("a/new"); err != nil {
			t.Fatal(err)
		}
	}
	send("a/there", "2")
	want("a/there 2")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// whenTold does something when something is said, before who says it goes on.
type whenTold func(said string)

func (f whenTold) Write(b []byte) (int, error) {
	f(string(b))
	return len(b), nil
}

// TestATopicThatIsMadeOnceItIsWaitedForIsReadFromItsFirstFrame: nothing has looked for topics since that was said.
func TestATopicThatIsMadeOnceItIsWaitedForIsReadFromItsFirstFrame(t *testing.T) {
	b := openBus(t)
	pattern, err := topics.ParsePattern("x/*")
	if err != nil {
		t.Fatal(err)
	}
	makeIt := func(said string) {
		p, err := b.Publisher("x/a")
		if err == nil {
			err = errors.Join(p.TryPublish([]byte("1")), p.Close())
		}
		if err != nil || !strings.Contains(said, "waiting for topics that match x/*") {
			t.Errorf("%s: %v", said, err)
		}
	}
	enough := errors.New("enough")
	f := &follower{
		app: &app{errOut: whenTold(makeIt)}, bus: b, patterns: []topics.Pattern{pattern}, options: []bus.SubscribeOption{bus.ReadOnly(), bus.FromNewest()},
		run: func(ctx context.Context, s *bus.Subscriber) error {
			defer s.Close()
			if _, err := s.Receive(ctx); err != nil {
				return err
			}
			return enough
		},
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := f.follow(ctx); !errors.Is(err, enough) {
		t.Error(err)
	}
}
