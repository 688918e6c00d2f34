package bus_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

// helpers are what the test binary does as another process.
var helpers = map[string]testproc.Helper{}

func TestMain(m *testing.M) { testproc.Main(m, helpers) }

// needsTheMachine skips a test under an emulator, and says why it cannot be run there.
func needsTheMachine(t *testing.T, why string) {
	t.Helper()
	if r := testproc.Runner(); len(r) > 0 {
		t.Skipf("under %s: %s", r[0], why)
	}
}

// measured skips a test of how much or how long under an emulator, whose own work would be measured.
func measured(t *testing.T) {
	t.Helper()
	needsTheMachine(t, "its own work would be measured")
}

// long says whether there is time for the whole of it.
var long = os.Getenv("SHMBUS_LONG") != ""

// newDir is a place for a bus, in memory where there is one. It does not exist yet.
func newDir(t testing.TB) string {
	t.Helper()
	return filepath.Join(testproc.MemoryDir(t), "bus")
}

// openAt opens a bus, and closes it with the test.
func openAt(t testing.TB, dir string, opts ...bus.Option) *bus.Bus {
	t.Helper()
	b, err := bus.Open(dir, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("closing the bus: %v", err)
		}
	})
	return b
}

func newBus(t testing.TB, opts ...bus.Option) *bus.Bus { return openAt(t, newDir(t), opts...) }

// soon is a context that ends before the test's patience does.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// A handle that no test uses any more could be collected, and closed by that, before the test has counted it: these are kept to its end.

func publisher(t testing.TB, b *bus.Bus, topic string, opts ...bus.PublisherOption) *bus.Publisher {
	t.Helper()
	p, err := b.Publisher(topic, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { runtime.KeepAlive(p) })
	return p
}

func subscribe(t testing.TB, b *bus.Bus, topic string, opts ...bus.SubscribeOption) *bus.Subscriber {
	t.Helper()
	s, err := b.Subscribe(soon(t), topic, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { runtime.KeepAlive(s) })
	return s
}

func publish(t testing.TB, p *bus.Publisher, frames ...string) {
	t.Helper()
	for _, f := range frames {
		if err := p.Publish(soon(t), []byte(f)); err != nil {
			t.Fatalf("publishing %q: %v", f, err)
		}
	}
}

// receive is the next frame, which must be there.
func receive(t testing.TB, s *bus.Subscriber) *bus.Frame {
	t.Helper()
	f, err := s.Receive(soon(t))
	if err != nil {
		t.Fatalf("receiving: %v", err)
	}
	return f
}

// expect receives and releases frames, which must be these.
func expect(t testing.TB, s *bus.Subscriber, frames ...string) {
	t.Helper()
	for _, want := range frames {
		f := receive(t, s)
		if got := string(f.Bytes()); got != want {
			t.Fatalf("got %.40q, want %.40q", got, want)
		}
		f.Release()
	}
}

// nothing fails if there is a frame.
func nothing(t testing.TB, s *bus.Subscriber) {
	t.Helper()
	f, err := s.TryReceive()
	if f != nil || err != nil {
		t.Fatalf("got frame %v and error %v, want neither", f, err)
	}
}

// tester is a testing.TB or a rapid.T.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// is fails unless err is want, and its text has all the words.
func is(t tester, err, want error, words ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want one that is %q", err, want)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that nobody tells of.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(within)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", within, what)
		}
		<-tick.C
	}
}

var lossless = bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless})

// losslessRing is the shape of a lossless topic with so many slots.
func losslessRing(slots int) bus.PublisherOption {
	return bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless, Slots: slots})
}

// overwriteRing is the shape of an overwriting topic with so many slots.
func overwriteRing(slots int) bus.PublisherOption {
	return bus.WithTopic(bus.TopicOptions{Slots: slots})
}
