package bus

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"shmbus/internal/testproc"
	"shmbus/segment"
)

// Who joins something ephemeral waits for others who make or remove something. That they may do for long, or be stopped amid it.

// holdUp is how a bus in dir is held up, until release is called. b is the Bus that joins.
var holdUp = map[string]func(t *testing.T, dir string, b *Bus) (release func()){
	"the directory": holdDir,
	"the table": func(t *testing.T, dir string, _ *Bus) func() {
		seg, err := segment.Open(dir, "main", segment.ReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		unlock, err := seg.LockTable()
		if err != nil {
			t.Fatal(err)
		}
		return func() { unlock(); _ = seg.Close() }
	},
	"the directory, and another goroutine waits": func(t *testing.T, dir string, b *Bus) func() {
		unlock := holdDir(t, dir, b)
		made := make(chan error, 1)
		go func() { made <- b.CreateTopic("another", TopicOptions{Slots: 8}) }()
		waitUntil(t, func() bool { return len(b.making) > 0 })
		return func() {
			unlock()
			if err := <-made; err != nil && !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		}
	},
}

func holdDir(t *testing.T, dir string, _ *Bus) func() {
	l, err := segment.LockDir(t.Context(), dir, segment.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = l.Unlock() }
}

func waitUntil(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !so(); time.Sleep(time.Millisecond) { // not synchronisation: between two looks
		if time.Now().After(end) {
			t.Fatal("it does not come to that")
		}
	}
}

// TestJoiningWhatIsEphemeralWaitsNoLongerThanItIsToldTo: its context, Close and TryReceive bound the wait for those who make or remove something.
func TestJoiningWhatIsEphemeralWaitsNoLongerThanItIsToldTo(t *testing.T) {
	for how, hold := range holdUp {
		for what, c := range map[string]struct {
			do   func(t *testing.T, b *Bus, s *Subscriber) error
			want error
		}{
			"Subscribe, with a context": {func(_ *testing.T, b *Bus, _ *Subscriber) error {
				ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
				defer cancel()
				_, err := b.Subscribe(ctx, "t")
				return err
			}, context.DeadlineExceeded},
			"Receive, with a context": {func(_ *testing.T, _ *Bus, s *Subscriber) error {
				ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
				defer cancel()
				_, err := s.Receive(ctx)
				return err
			}, context.DeadlineExceeded},
			"Receive, and Close": {func(t *testing.T, _ *Bus, s *Subscriber) error {
				return whileJoining(t, s, s.Close)
			}, ErrClosed},
			"Receive, and the Bus's Close": {func(t *testing.T, b *Bus, s *Subscriber) error {
				return whileJoining(t, s, b.Close)
			}, ErrClosed},
			"TryReceive": {func(_ *testing.T, _ *Bus, s *Subscriber) error {
				f, err := s.TryReceive()
				if f != nil {
					err = errors.New("there is a frame")
				}
				return err
			}, nil},
			"WaitSet": {func(_ *testing.T, _ *Bus, s *Subscriber) error {
				ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
				defer cancel()
				var w WaitSet
				w.Add(s)
				_, _, err := w.Receive(ctx)
				w.Remove(s)
				return err
			}, context.DeadlineExceeded},
		} {
			t.Run(how+": "+what, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				dir := testproc.MemoryDir(t)
				b, others := open(t, dir), open(t, dir)
				ephemeral := WithTopic(TopicOptions{Ephemeral: true, Slots: 8})
				if _, err := others.Publisher("t", ephemeral); err != nil {
					t.Fatal(err)
				}
				s, err := b.Subscribe(ctx, "t", WaitForTopic())
				if err != nil {
					t.Fatal(err)
				}
				if err := others.RemoveTopic("t"); err != nil {
					t.Fatal(err)
				}
				p, err := others.Publisher("t", ephemeral)
				if err != nil {
					t.Fatal(err)
				}
				release := hold(t, dir, b)
				start := time.Now()
				if err := c.do(t, b, s); !errors.Is(err, c.want) {
					t.Errorf("got error %v, want one that is %v", err, c.want)
				}
				if d := time.Since(start); d > 5*time.Second {
					t.Errorf("it has taken %v", d)
				}
				release()
				if c.want == ErrClosed {
					return
				}
				if err := p.Publish(ctx, []byte("a frame")); err != nil {
					t.Fatal(err)
				}
				f, err := s.Receive(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if string(f.Bytes()) != "a frame" {
					t.Errorf("afterwards, got %q", f.Bytes())
				}
			})
		}
	}
}

// whileJoining closes while another goroutine is about to join the topic, and is what that one is told.
func whileJoining(t *testing.T, s *Subscriber, closes func() error) error {
	told := make(chan error, 1)
	go func() {
		_, err := s.Receive(context.Background())
		told <- err
	}()
	waitUntil(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.joining != nil
	})
	if err := closes(); err != nil {
		t.Error(err)
	}
	return <-told
}

func open(t *testing.T, dir string) *Bus {
	t.Helper()
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// TestWhoWaitsForALockForTooLongIsToldWhoHasIt: that is no context's end, as there was none.
func TestWhoWaitsForALockForTooLongIsToldWhoHasIt(t *testing.T) {
	dir := testproc.MemoryDir(t)
	b, others := open(t, dir), open(t, dir)
	if _, err := others.Publisher("t", WithTopic(TopicOptions{Ephemeral: true, Slots: 8})); err != nil {
		t.Fatal(err)
	}
	b.patience = 20 * time.Millisecond
	defer holdDir(t, dir, b)()
	for what, do := range map[string]func() error{
		"Subscribe":   func() error { _, err := b.Subscribe(context.Background(), "t"); return err },
		"Publisher":   func() error { _, err := b.Publisher("t"); return err },
		"CreateTopic": func() error { return b.CreateTopic("u", TopicOptions{}) },
	} {
		err := do()
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got error %v, want one that is no context's", what, err)
			continue
		}
		for _, part := range []string{"bus.lock", "pid " + strconv.Itoa(os.Getpid()), "for 20ms", "let that process go on, or end it"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error %q does not say %q", what, err, part)
			}
		}
	}
}

// TestAContextThatIsDoneBoundsNoWaitWhereThereIsNone: what is there is joined, as it is where a topic is not ephemeral.
func TestAContextThatIsDoneBoundsNoWaitWhereThereIsNone(t *testing.T) {
	b := open(t, testproc.MemoryDir(t))
	p, err := b.Publisher("t", WithTopic(TopicOptions{Slots: 8, Ephemeral: true}))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := b.Subscribe(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
