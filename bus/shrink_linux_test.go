package bus_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/segment"
)

// shrinkable is a bus with a lossless topic, a few frames in it, and its segment's file.
func shrinkable(t *testing.T) (b *bus.Bus, p *bus.Publisher, path string) {
	t.Helper()
	dir := newDir(t)
	b, err := bus.Open(dir)
	noError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	p = publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 1024}))
	return b, p, filepath.Join(dir, "main.seg")
}

// cutError checks the error of a handle whose file was cut short.
func cutError(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	if !errors.Is(err, bus.ErrCorrupt) {
		t.Errorf("%s: got error %v, want one that is %q", what, err, bus.ErrCorrupt)
	}
	for _, w := range []string{"main.seg", "file", "cut short", "remove the segment's files"} {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: error %q does not say %q", what, err, w)
		}
	}
}

func TestAFileThatShrinksUnderOpenHandlesIsAnErrorAndNotAFault(t *testing.T) {
	t.Parallel() // it waits most of the time
	needsTheMachine(t, "qemu-user does not say where a memory fault was")
	value := map[string]int{"a": 1}
	uses := map[string]func(p *bus.Publisher, s *bus.Subscriber, l *bus.Loan) error{
		"Publish":    func(p *bus.Publisher, _ *bus.Subscriber, _ *bus.Loan) error { return p.Publish(soon(t), []byte("x")) },
		"TryPublish": func(p *bus.Publisher, _ *bus.Subscriber, _ *bus.Loan) error { return p.TryPublish([]byte("x")) },
		"PublishBatch": func(p *bus.Publisher, _ *bus.Subscriber, _ *bus.Loan) error {
			_, err := p.PublishBatch(soon(t), [][]byte{{1}, {2}, {3}})
			return err
		},
		"Loan and Commit": func(p *bus.Publisher, _ *bus.Subscriber, _ *bus.Loan) error {
			l, err := p.Loan(soon(t), 9)
			if err == nil {
				err = l.Commit()
			}
			return err
		},
		"Commit": func(_ *bus.Publisher, _ *bus.Subscriber, l *bus.Loan) error { return l.Commit() },
		"Abort and Publish": func(p *bus.Publisher, _ *bus.Subscriber, l *bus.Loan) error {
			l.Abort()
			return p.Publish(soon(t), nil)
		},
		"Encode": func(p *bus.Publisher, _ *bus.Subscriber, _ *bus.Loan) error { return p.Encode(soon(t), value) },
		"Encode aside": func(p *bus.Publisher, _ *bus.Subscriber, _ *bus.Loan) error {
			return p.Encode(soon(t), time.Now())
		},
		"Receive":    func(_ *bus.Publisher, s *bus.Subscriber, _ *bus.Loan) error { _, err := s.Receive(soon(t)); return err },
		"TryReceive": func(_ *bus.Publisher, s *bus.Subscriber, _ *bus.Loan) error { _, err := s.TryReceive(); return err },
		"Stats, Lost, LostBy and Receive": func(_ *bus.Publisher, s *bus.Subscriber, _ *bus.Loan) error {
			s.Stats()
			s.Lost()
			s.LostBy()
			_, err := s.Receive(soon(t))
			return err
		},
	}
	modes := map[string][]bus.SubscribeOption{
		"lossless": {bus.Lossless()}, "group": {bus.Group("g")}, "lossy": nil, "tap": {bus.ReadOnly()},
		"waiting": {bus.WaitForTopic()}, "spinning": {bus.Spin()},
	}
	for name, use := range uses {
		for mode, opts := range modes {
			for _, size := range []func(int64) int64{
				func(int64) int64 { return 0 },
				func(n int64) int64 { return n - 1024*128 }, // without descriptors and cells
			} {
				b, p, path := shrinkable(t)
				s := subscribe(t, b, "t", opts...)
				q := publisher(t, b, "t")
				l, err := q.Loan(soon(t), 9)
				noError(t, err)
				i, err := os.Stat(path)
				noError(t, err)
				noError(t, os.Truncate(path, size(i.Size())))
				if name == "Commit" || name == "Abort and Publish" {
					p = q
				}
				cutError(t, name+", "+mode, use(p, s, l))
				if name != "Commit" { // that loan is closed
					cutError(t, name+", "+mode+", once more", use(p, s, l))
				}
				_, err = b.Publisher("t")
				openError(t, "Publisher", err)
				_, err = b.Stat("t")
				openError(t, "Stat", err)
				_, err = b.Topics()
				openError(t, "Topics", err)
				_, err = b.Subscribe(soon(t), "t")
				openError(t, "Subscribe", err)
				_ = s.Close()
				_ = p.Close()
				_ = b.Close()
			}
		}
	}
}

// openError checks the error of what opens a file that was cut short.
func openError(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, bus.ErrCorrupt) || !strings.Contains(err.Error(), "main.seg") {
		t.Errorf("%s: got error %v, want one that is %q and names the file", what, err, bus.ErrCorrupt)
	}
}

// What a lossless subscriber reads of a frame that it holds is its own access: it reads zeros, and is told by its next call.
func TestABorrowedFrameOfAFileThatShrinksReadsAsZeros(t *testing.T) {
	needsTheMachine(t, "qemu-user does not say where a memory fault was")
	if !segment.Mends {
		t.Skip("faults are not mended on this platform")
	}
	b, p, path := shrinkable(t)
	s := subscribe(t, b, "t", bus.Lossless())
	copies := subscribe(t, b, "t")
	publish(t, p, "abc")
	publish(t, p, "def")
	f, g := receive(t, s), receive(t, copies)
	l, err := p.Loan(soon(t), 3)
	noError(t, err)
	noError(t, f.Err())
	noError(t, os.Truncate(path, 0))
	if string(f.Bytes()) != "\x00\x00\x00" {
		t.Errorf("reading what is gone: %q", f.Bytes())
	}
	if string(g.Bytes()) != "abc" {
		t.Errorf("reading a copy of what is gone: %q", g.Bytes())
	}
	cutError(t, "Err", f.Err())
	noError(t, g.Err())
	copy(l.Bytes(), "ghi") // nobody gets it
	f.Release()
	g.Release()
	_, err = s.Receive(soon(t))
	cutError(t, "Receive", err)
	cutError(t, "Commit", l.Commit())
}

// Whoever waits is told at once, and does not find out by a fault.
func TestSleepersLearnThatTheFileWasCutShort(t *testing.T) {
	needsTheMachine(t, "qemu-user does not say where a memory fault was")
	b, _, path := shrinkable(t)
	s := subscribe(t, b, "t", bus.Lossless(), bus.Block())
	got := make(chan error, 1)
	go func() {
		_, err := s.Receive(soon(t))
		got <- err
	}()
	pause(20 * time.Millisecond)
	i, err := os.Stat(path)
	noError(t, err)
	noError(t, os.Truncate(path, i.Size()-1024*64))
	cutError(t, "Receive", <-got)
}

// Who waits for a topic looks into the table, which is gone too, while others may have let go of the segment already.
func TestWhoWaitsForATopicLearnsThatTheFileWasCutShort(t *testing.T) {
	faultsInTheTable(t)
	for range 20 { // the order in which the handle's goroutines notice it changes
		b, _, path := shrinkable(t)
		waits, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			_, err := b.Subscribe(soon(t), "other", bus.WaitForTopic(), bus.ReadOnly(), bus.OnWait(func() { close(waits) }))
			ended <- err
		}()
		<-waits
		noError(t, os.Truncate(path, 0))
		if err := <-ended; err == nil || !errors.Is(err, bus.ErrCorrupt) {
			t.Fatalf("Subscribe: %v", err)
		}
	}
}

func TestWhoLooksForTopicsGoesOnWhenTheFileWasCutShort(t *testing.T) {
	faultsInTheTable(t)
	for _, file := range []string{"main.seg", "main.bell"} {
		b, _, path := shrinkable(t)
		dir := filepath.Dir(path)
		ctx, cancel := context.WithCancel(soon(t))
		found := make(chan string, 10)
		go func() {
			defer close(found)
			for d, err := range b.Discover(ctx, func(string) bool { return true }) {
				if err == nil {
					found <- d.Name
				} else if ctx.Err() == nil && !errors.Is(err, bus.ErrCorrupt) {
					t.Error(err)
				}
			}
		}()
		if n := <-found; n != "t" {
			t.Fatal(n)
		}
		noError(t, os.Truncate(filepath.Join(dir, file), 0))
		for _, f := range []string{"main.seg", "main.bell", "main.lease"} {
			noError(t, os.Remove(filepath.Join(dir, f)))
		}
		noError(t, openAt(t, dir).CreateTopic("anew", bus.TopicOptions{}))
		if n := <-found; n != "anew" {
			t.Fatalf("%s cut short: found %q", file, n)
		}
		cancel()
		for range found {
		}
	}
}

// faultsInTheTable skips a test in which the table may be read when it is gone, where that cannot be caught.
func faultsInTheTable(t *testing.T) {
	t.Helper()
	needsTheMachine(t, "qemu-user does not say where a memory fault was")
	if underRace {
		t.Skip("the race detector makes the access for us, in code that no panic can leave")
	}
}
