//go:build linux

package growth

import (
	"errors"
	"runtime"
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

// TestThreadsThatSleepWithoutABusAreWokenOneByOneAndEnd: more of them than processors for goroutines, which they must not keep.
func TestThreadsThatSleepWithoutABusAreWokenOneByOneAndEnd(t *testing.T) {
	b, err := bus.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	me, p, c := new(part), bench.Place{Bus: b, Topic: t.Name()}, newClock()
	defer me.Close()
	a := BlockedArgs{Goroutines: 2*runtime.GOMAXPROCS(0) + 2, Own: true, Bare: true}
	sends, err := me.wakers(p, a)
	if err != nil {
		t.Fatal(err)
	}
	s := new(sleepers)
	defer s.Close()
	waits, err := s.waits(p, a)
	if err != nil || len(waits) != len(sends) || len(waits) != a.Goroutines {
		t.Fatalf("%d wait for %d: %v", len(waits), len(sends), err)
	}
	got, ended := make(chan [2]uint64), make(chan error)
	for i, w := range waits {
		go func() {
			for {
				_, word, err := w.receive(t.Context(), c)
				if err != nil {
					ended <- err
					return
				}
				got <- [2]uint64{uint64(i), word}
			}
		}()
	}
	for n := range uint64(10 * blockedSlots) {
		i := n % uint64(len(sends))
		if err := sends[i](t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if g := <-got; g != [2]uint64{i, n} {
			t.Fatalf("word %d to thread %d has come as word %d to %d", n, i, g[1], g[0])
		}
	}
	for _, w := range waits {
		w.end()
	}
	for range waits {
		if err := <-ended; !errors.Is(err, errOver) {
			t.Error(err)
		}
	}
}
