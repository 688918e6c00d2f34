package keeper

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/bus"
	"shmbus/internal/testproc"
	"shmbus/plugins"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Helper{"publish": helpPublish, "loan": helpLoan, "crowd": helpCrowd})
}

// helpPublish publishes so many frames of 100 bytes as each line says.
func helpPublish(p *testproc.Peer) error {
	b, err := bus.Open(p.Arg(0))
	if err != nil {
		return err
	}
	defer b.Close()
	pub, err := b.Publisher(p.Arg(1))
	if err != nil {
		return err
	}
	p.Say("open")
	for {
		line, ok := p.Await()
		if !ok {
			return nil
		}
		n, err := strconv.Atoi(line)
		if err != nil {
			return err
		}
		for range n {
			if err := pub.Publish(context.Background(), make([]byte, 100)); err != nil {
				return err
			}
		}
		p.Say("done")
	}
}

// helpLoan begins a frame, and finishes it when it is told to.
func helpLoan(p *testproc.Peer) error {
	b, err := bus.Open(p.Arg(0))
	if err != nil {
		return err
	}
	defer b.Close()
	pub, err := b.Publisher(p.Arg(1))
	if err != nil {
		return err
	}
	l, err := pub.Loan(context.Background(), 100)
	if err != nil {
		return err
	}
	p.Say("open")
	if _, ok := p.Await(); !ok {
		return errors.New("nobody said that it should go on")
	}
	return l.Commit()
}

// helpCrowd has a publisher and a subscription on each of so many topics, and publishes a frame on each for each line.
func helpCrowd(p *testproc.Peer) error {
	b, err := bus.Open(p.Arg(0))
	if err != nil {
		return err
	}
	defer b.Close()
	n, err := strconv.Atoi(p.Arg(1))
	if err != nil {
		return err
	}
	var pubs []*bus.Publisher
	for i := range n {
		pub, err := b.Publisher(fmt.Sprintf("crowd/%04d", i), bus.WithTopic(bus.TopicOptions{Slots: 64}))
		if err != nil {
			return err
		}
		if _, err = b.Subscribe(context.Background(), pub.Topic()); err != nil {
			return err
		}
		pubs = append(pubs, pub)
	}
	p.Say("open")
	for {
		if _, ok := p.Await(); !ok {
			return nil
		}
		for _, pub := range pubs {
			if err := pub.Publish(context.Background(), []byte("x")); err != nil {
				return err
			}
		}
		p.Say("done")
	}
}

// fakes is plugins as a test says.
type fakes []plugins.State

func (f fakes) Plugins() []plugins.State { return f }

func newBus(t testing.TB) *bus.Bus {
	t.Helper()
	dir := testproc.MemoryDir(t)
	return open(t, filepath.Join(dir, "bus"))
}

func open(t testing.TB, dir string) *bus.Bus {
	t.Helper()
	b, err := bus.Open(dir, bus.WithReserved())
	must(t, err)
	t.Cleanup(func() { must(t, b.Close()) })
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newKeeper is a Keeper that does not run.
func newKeeper(t testing.TB, b *bus.Bus, c Config, p Plugins) *Keeper {
	t.Helper()
	r := plugins.NewReporter(b)
	t.Cleanup(func() { r.Close() })
	k, err := New(c, b, NewSampler(b, p), r, hclog.NewNullLogger())
	must(t, err)
	return k
}

// run runs a Keeper until the test ends.
func run(t testing.TB, k *Keeper) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the keeper ended: %v", err)
		}
	})
}

// eventually waits for something that nobody tells of.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("after a minute still not: %s", what)
		}
		time.Sleep(2 * time.Millisecond) // not synchronisation: it looks again and again
	}
}

// tap is a tap from the oldest frame on.
func tap(t testing.TB, b *bus.Bus, topic string) *bus.Subscriber {
	t.Helper()
	s, err := b.Subscribe(soon(t), topic, bus.ReadOnly(), bus.FromOldest(), bus.WaitForTopic())
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// frame is the next one that is as it should be.
func frame(t testing.TB, s *bus.Subscriber, ok func(map[string]any) bool) map[string]any {
	t.Helper()
	for f, err := range s.Frames(soon(t)) {
		if err != nil {
			t.Fatalf("%s: %v", s.Topic(), err)
		}
		v, err := bus.Decode[map[string]any](f)
		must(t, err)
		if ok(v) {
			return v
		}
	}
	t.Fatalf("%s: no such frame", s.Topic())
	return nil
}

// event is the next event of that name.
func event(t testing.TB, s *bus.Subscriber, name string, words ...string) map[string]any {
	t.Helper()
	e := frame(t, s, func(v map[string]any) bool { return v["event"] == name })
	for _, w := range words {
		if !strings.Contains(fmt.Sprint(e["detail"]), w) {
			t.Errorf("event %v does not say %q", e, w)
		}
	}
	return e
}

// start starts a helper on a topic, and waits until it stands on it.
func start(t testing.TB, helper string, b *bus.Bus, topic string) *testproc.Process {
	t.Helper()
	p := testproc.Start(t, helper, b.Dir(), topic)
	p.Expect("open")
	return p
}
