package bus_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/segment"
)

// Somebody else makes or removes a topic in the segment, though the directory's lock is free: rm has taken that away from under him.

func TestWhoMakesAndRemovesTopicsWaitsItsTurnAndHoldsUpNobody(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	noError(t, b.CreateTopic("old", bus.TopicOptions{}))
	publisher(t, b, "shared", bus.WithTopic(bus.TopicOptions{Ephemeral: true}))
	seg, err := segment.Open(dir, "main", segment.ReadWrite)
	noError(t, err)
	t.Cleanup(func() { noError(t, seg.Close()) })
	for _, c := range []struct {
		what string
		do   func() error
		done func() bool
	}{
		{"make", func() error { return b.CreateTopic("new", bus.TopicOptions{}) }, func() bool { _, err := b.Stat("new"); return err == nil }},
		{"join", func() error {
			_, err := b.Publisher("shared")
			return err
		}, func() bool { i, err := b.Stat("shared"); return err != nil || i.Publishers > 1 }},
		{"remove", func() error { return b.RemoveTopic("old") }, func() bool { _, err := b.Stat("old"); return err != nil }},
	} {
		unlock, err := seg.LockTable()
		noError(t, err)
		ended := make(chan error, 1)
		go func() { ended <- c.do() }()
		const looks = 40
		slowest := time.Duration(0)
		for range looks { // each takes the Bus's lock, as the one that waits does
			start := time.Now()
			if c.done() {
				t.Errorf("%s: it is done, though it is somebody else's turn", c.what)
			}
			slowest = max(slowest, time.Since(start))
			time.Sleep(5 * time.Millisecond) // not synchronisation: time for it to wait in
		}
		if slowest > 500*time.Millisecond {
			t.Errorf("%s: who looks has waited %v for it", c.what, slowest)
		}
		select {
		case err := <-ended:
			t.Fatalf("%s: it has ended: %v", c.what, err)
		default:
		}
		unlock()
		noError(t, <-ended)
		if !c.done() {
			t.Errorf("%s: it is not done", c.what)
		}
	}
}

func TestWhatNobodyHoldsIsLeftToWhoHasTheTable(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	p := publisher(t, b, "gone", bus.WithTopic(bus.TopicOptions{Ephemeral: true}))
	noError(t, b.CreateTopic("idle", bus.TopicOptions{}))
	seg, err := segment.Open(dir, "main", segment.ReadWrite)
	noError(t, err)
	t.Cleanup(func() { noError(t, seg.Close()) })
	unlock, err := seg.LockTable()
	noError(t, err)
	start := time.Now()
	noError(t, p.Close()) // looks for what is deserted
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("closing took %v", took)
	}
	if _, err := b.Stat("gone"); err != nil {
		t.Errorf("it was removed, though it is somebody else's turn: %v", err)
	}
	unlock()
	eventually(t, 20*time.Second, "its removal", func() bool { _, err := b.Stat("gone"); return err != nil })
	if _, err := os.Stat(filepath.Join(dir, "main.seg")); err != nil {
		t.Error(err)
	}
}
