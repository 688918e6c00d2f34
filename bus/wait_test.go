package bus_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"shmbus/bus"
)

// follower receives everything on a topic, waiting for it whenever it is not there.
func follower(t *testing.T, b *bus.Bus, topic string, opts ...bus.SubscribeOption) (got chan string, waits chan struct{}) {
	t.Helper()
	got, waits = make(chan string, 1000), make(chan struct{}, 1000)
	ctx, cancel := context.WithCancel(soon(t))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s, err := b.Subscribe(ctx, topic, append(opts, bus.OnWait(func() { waits <- struct{}{} }))...)
		for err == nil {
			var f *bus.Frame
			if f, err = s.Receive(ctx); err == nil {
				got <- string(f.Bytes())
				f.Release()
			}
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", topic, err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return got, waits
}

func wantFrame(t *testing.T, got chan string, want string) {
	t.Helper()
	select {
	case f := <-got:
		if f != want {
			t.Fatalf("got %q, want %q", f, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("%q has not come", want)
	}
}

func TestATopicIsWaitedForBeforeItsDirectoryItsSegmentAndItself(t *testing.T) {
	modes := map[string]bus.SubscribeOption{"lossy": bus.Lossy(), "lossless": bus.Lossless(), "tap": bus.ReadOnly()}
	prepare := map[string]func(dir string){
		"no parent":    func(dir string) {},
		"no directory": func(dir string) { noError(t, os.Mkdir(filepath.Dir(dir), 0o755)) },
		"no segment":   func(dir string) { noError(t, os.MkdirAll(dir, 0o700)) },
		"no topic":     func(dir string) { noError(t, openAt(t, dir).CreateTopic("other", bus.TopicOptions{})) },
	}
	for what, make := range prepare {
		for name, mode := range modes {
			t.Run(what+", "+name, func(t *testing.T) {
				dir := filepath.Join(newDir(t), "bus")
				make(dir)
				got, waits := follower(t, openAt(t, dir), "t", mode)
				<-waits
				p := publisher(t, openAt(t, dir), "t", lossless)
				start := time.Now()
				publish(t, p, "first", "second")
				wantFrame(t, got, "first")
				wantFrame(t, got, "second")
				if d := time.Since(start); d > 900*time.Millisecond {
					t.Errorf("it took %v: nobody told the subscriber", d)
				}
			})
		}
	}
}

func TestATopicInAnotherSegmentIsWaitedFor(t *testing.T) {
	dir := newDir(t)
	noError(t, openAt(t, dir).CreateTopic("other", bus.TopicOptions{}))
	got, waits := follower(t, openAt(t, dir), "t")
	<-waits
	p := publisher(t, openAt(t, dir, bus.WithSegment("more")), "t")
	publish(t, p, "x")
	wantFrame(t, got, "x")
}

func TestADirectoryThatIsDeletedAndMadeAgainIsFound(t *testing.T) {
	for _, parent := range []string{newDir(t), filepath.Join(t.TempDir(), "bus")} {
		for name, mode := range map[string]bus.SubscribeOption{"lossy": bus.Lossy(), "lossless": bus.Lossless(), "tap": bus.ReadOnly()} {
			dir := filepath.Join(parent, name)
			got, waits := follower(t, openAt(t, dir), "t", mode)
			for range 3 {
				<-waits
				b, err := bus.Open(dir)
				noError(t, err)
				p := publisher(t, b, "t", lossless)
				publish(t, p, "a", "b")
				wantFrame(t, got, "a")
				wantFrame(t, got, "b")
				noError(t, os.RemoveAll(dir))
				noError(t, p.Close())
				noError(t, b.Close())
			}
		}
	}
}

func TestADirectoryThatIsMovedAwayAtOnceIsNoticed(t *testing.T) {
	dir := newDir(t)
	first := openAt(t, dir)
	publish(t, publisher(t, first, "t"), "lost")
	got, _ := follower(t, openAt(t, dir), "t", bus.FromOldest())
	wantFrame(t, got, "lost")
	for i, frame := range []string{"a", "b", "c"} {
		noError(t, os.Rename(dir, dir+frame)) // and made again before anybody has looked
		p := publisher(t, openAt(t, dir), "t")
		publish(t, p, frame)
		wantFrame(t, got, frame)
		if i == 2 {
			publish(t, p, "more")
			wantFrame(t, got, "more")
		}
	}
}

func TestASegmentThatIsDeletedAndMadeAnewIsNoticed(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	p := publisher(t, b, "t", losslessRing(8))
	plain := subscribe(t, openAt(t, dir), "t")
	got, waits := follower(t, openAt(t, dir), "t", bus.FromOldest())
	publish(t, p, "old")
	expect(t, plain, "old")
	wantFrame(t, got, "old")
	for _, ext := range []string{".seg", ".bell", ".lease"} {
		noError(t, os.Remove(filepath.Join(dir, "main"+ext)))
	}
	<-waits
	_, err := plain.Receive(soon(t))
	is(t, err, bus.ErrNoTopic, `"t"`, "main.seg", "deleted")
	eventually(t, 10*time.Second, "the publisher knows", func() bool { return p.TryPublish(nil) != nil })
	is(t, p.TryPublish(nil), bus.ErrNoTopic, `"t"`, "deleted", "open it again")
	_, err = b.Subscribe(soon(t), "t")
	is(t, err, bus.ErrNoTopic)
	q := publisher(t, b, "t") // the same bus makes it anew
	publish(t, q, "new")
	wantFrame(t, got, "new")
	if q.ID() != 1 {
		t.Errorf("the new topic's first publisher is %d", q.ID())
	}
}

func TestADeletedSegmentIsNotKeptInMemory(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t", bus.ReadOnly())
	_, err := b.Topics()
	noError(t, err)
	noError(t, p.Close())
	noError(t, s.Close())
	if mappings(t, dir) == 0 {
		t.Fatal("the segment is not mapped while it is there")
	}
	noError(t, os.RemoveAll(dir))
	eventually(t, 10*time.Second, "nothing of it is mapped", func() bool { return mappings(t, dir) == 0 })
}

func TestSubscribersWaitingForOneTopicAllComeToIt(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	var all []chan string
	for range 20 {
		got, waits := follower(t, b, "t")
		<-waits
		all = append(all, got)
	}
	p := publisher(t, openAt(t, dir), "t")
	publish(t, p, "x")
	for _, got := range all {
		wantFrame(t, got, "x")
	}
}
