package bus_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
)

// discover runs Discover and hands on what it yields.
func discover(t *testing.T, ctx context.Context, b *bus.Bus, match func(string) bool) (<-chan bus.Discovery, <-chan error) {
	found, errs := make(chan bus.Discovery, 100), make(chan error, 10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for d, err := range b.Discover(ctx, match) {
			if err != nil {
				errs <- err
				continue
			}
			found <- d
		}
	}()
	t.Cleanup(func() { <-done })
	return found, errs
}

func TestDiscoverFindsWhatIsThereAndWhatComes(t *testing.T) {
	dir := newDir(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	found, errs := discover(t, ctx, openAt(t, dir), func(n string) bool { return strings.HasPrefix(n, "a") })
	next := func(name string) {
		t.Helper()
		start := time.Now()
		select {
		case d := <-found:
			if d.Name != name || !d.Later {
				t.Fatalf("found %s, later %v; want %s, later", d.Name, d.Later, name)
			}
		case err := <-errs:
			t.Fatal(err)
		case <-time.After(20 * time.Second):
			t.Fatalf("%s is not found", name)
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%s was found after %v", name, d)
		}
	}
	// No directory yet; then topics in two segments.
	b, other := openAt(t, dir), openAt(t, dir, bus.WithSegment("other"))
	noError(t, b.CreateTopic("a/first", bus.TopicOptions{}))
	if d := <-found; d.Name != "a/first" { // it may be there before the first look
		t.Fatalf("found %s", d.Name)
	}
	for range 3 {
		noError(t, b.CreateTopic("a/1", bus.TopicOptions{}))
		next("a/1")
		noError(t, b.CreateTopic("b", bus.TopicOptions{}))
		noError(t, other.CreateTopic("a/2", bus.TopicOptions{}))
		next("a/2")
		noError(t, errors.Join(b.RemoveTopic("a/1"), other.RemoveTopic("a/2"), b.RemoveTopic("b")))
	}
	noError(t, other.CreateTopic("a/there", bus.TopicOptions{}))
	next("a/there")

	// A second look finds what is there.
	again, cancelAgain := context.WithCancel(context.Background())
	found2, errs2 := discover(t, again, openAt(t, dir), func(string) bool { return true })
	for _, want := range []string{"a/first", "a/there"} {
		if d := <-found2; d.Name != want || d.Later {
			t.Fatalf("found %+v", d)
		}
	}
	cancelAgain()
	is(t, <-errs2, context.Canceled)

	// A file that is no segment is told of once, and the rest is found.
	noError(t, os.WriteFile(filepath.Join(dir, "bad.seg"), []byte("nonsense"), 0o600))
	is(t, <-errs, bus.ErrCorrupt, "bad.seg")
	noError(t, os.Remove(filepath.Join(dir, "bad.seg")))
	noError(t, b.CreateTopic("a/last", bus.TopicOptions{}))
	next("a/last")
	select {
	case err := <-errs:
		t.Fatalf("told again: %v", err)
	default:
	}
}

func TestDiscoverEndsWithItsBus(t *testing.T) {
	b := newBus(t)
	_, errs := discover(t, context.Background(), b, func(string) bool { return true })
	noError(t, b.Close())
	is(t, <-errs, bus.ErrClosed)
}

// TestFromFirst: what was overwritten before the subscription is counted.
func TestFromFirst(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", overwriteRing(8))
	for range 20 {
		publish(t, p, "x")
	}
	s := subscribe(t, b, "t", bus.FromFirst())
	got := 0
	for f, _ := s.TryReceive(); f != nil; f, _ = s.TryReceive() {
		f.Release()
		got++
	}
	if got == 0 || uint64(got)+s.Lost() != 20 {
		t.Fatalf("got %d and lost %d of 20", got, s.Lost())
	}
}

func TestDiscoverWithoutAMatchFindsAll(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("a", bus.TopicOptions{}))
	noError(t, b.CreateTopic("b", bus.TopicOptions{}))
	var names []string
	for d, err := range b.Discover(soon(t), nil) {
		noError(t, err)
		if names = append(names, d.Name); len(names) == 2 {
			break
		}
	}
	if names[0] != "a" || names[1] != "b" {
		t.Errorf("found %v", names)
	}
}

// TestDiscoverEndsWithItsContextWhileTopicsComeAndGo: there is something new after each look.
func TestDiscoverEndsWithItsContextWhileTopicsComeAndGo(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("0", bus.TopicOptions{Slots: 8}))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	for _, err := range b.Discover(ctx, nil) {
		if err != nil {
			is(t, err, context.Canceled)
			return
		}
		if n++; n == 3 {
			cancel()
		}
		if n > 10 {
			t.Fatal("it has not ended after seven more looks")
		}
		noError(t, b.CreateTopic(strconv.Itoa(n), bus.TopicOptions{Slots: 8}))
	}
	t.Error("it has ended without an error")
}
