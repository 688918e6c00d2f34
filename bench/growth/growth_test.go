//go:build linux

package growth

import (
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/bench"
)

func TestClocksAgree(t *testing.T) {
	least := int64(1 << 62)
	for range 20 { // what interrupts one of them does not count
		a, b := newClock(), newClock()
		x, y := a.now(), b.now()
		least = min(least, max(y-x, x-y))
	}
	if least > 1000 {
		t.Errorf("two clocks differ by %d ns", least)
	}
	c := newClock()
	if before, now := bench.Now(), c.now(); now < before-10_000 || now > bench.Now()+10_000 {
		t.Errorf("%d, between %d and later", now, before)
	}
}

// pair is a publisher and a subscription of a topic.
func pair(t *testing.T, o bus.TopicOptions, how bus.SubscribeOption) (*sender, *bus.Subscriber) {
	t.Helper()
	b, err := bus.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	p, err := b.Publisher("t", bus.WithTopic(o))
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscribe(t.Context(), "t", how)
	if err != nil {
		t.Fatal(err)
	}
	return &sender{pub: p}, s
}

func TestWhatIsNotTheNextFrameIsFound(t *testing.T) {
	out, in := pair(t, doneRing, bus.Lossless())
	var c checker
	for i, change := range []func(){func() {}, func() { c.next++ }, func() { out.sent++ }} {
		change()
		if err := out.count(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		f, err := in.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.frame(f)
		if want := []string{"", "where frame 3 should", "not what was published"}[i]; err == nil != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v, want %q", i, err, want)
		}
		c.next = uint64(i) + 1
	}
}

func TestFramesThatAreLostAreNotWaitedFor(t *testing.T) {
	out, in := pair(t, bus.TopicOptions{Slots: 16}, bus.Lossy())
	s := &stream{sub: in, checker: checker{lossy: true}}
	for range 3 {
		if err := out.count(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		if err := s.receive(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
	}
	if s.got == 0 || s.got > 3*16 || s.got+in.Lost() != 300 {
		t.Errorf("%d received, %d lost", s.got, in.Lost())
	}
}

func TestGarbageIsCollectedMeanwhile(t *testing.T) {
	for _, b := range []Busy{Garbage, Work} {
		before := used()
		end := b.begin()
		time.Sleep(100 * time.Millisecond) // not synchronisation: something is to be done meanwhile
		f := make(bench.Figures)
		end(f)
		if f["collections"] < 1 || used()-before < int64(time.Millisecond) {
			t.Errorf("%s: %v, in %d ns", b, f, used()-before)
		}
	}
}

func TestTheBareLinesCarryWhatIsSent(t *testing.T) {
	b, err := bus.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, sleeps := range []bool{false, true} {
		p := bench.Place{Bus: b}
		out, unmap, err := openLines(p, t.Name(), 64)
		if err != nil {
			t.Fatal(err)
		}
		defer unmap()
		in, unmap2, err := openLines(p, t.Name(), 64)
		if err != nil {
			t.Fatal(err)
		}
		defer unmap2()
		out.sleeps, in.sleeps = sleeps, sleeps
		sent := make(chan bool)
		go func() {
			for i := range uint64(1000) {
				out.send(i)
			}
			sent <- true
		}()
		for i := range uint64(1000) {
			if got, err := in.receive(); err != nil || got != i {
				t.Fatalf("%d where %d should be: %v", got, i, err)
			}
		}
		<-sent
	}
}
