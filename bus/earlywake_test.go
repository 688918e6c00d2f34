package bus

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"shmbus/internal/cpu"
	"shmbus/internal/testproc"
)

// earlyBus is a bus with a lossless topic for large frames.
func earlyBus(t *testing.T, opts ...PublisherOption) (*Bus, *Publisher) {
	t.Helper()
	if pausesPerMicrosecond() == 0 {
		t.Skip("one CPU: nobody is woken early")
	}
	b, err := Open(testproc.MemoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	large := WithTopic(TopicOptions{Policy: PolicyLossless, Slots: 64, CellSize: 64 << 10})
	p, err := b.Publisher("large", append(opts, large)...)
	if err != nil {
		t.Fatal(err)
	}
	return b, p
}

// drain receives in a goroutine of its own, and tells how long the frames are.
func drain(t *testing.T, b *Bus, opts ...SubscribeOption) <-chan int {
	t.Helper()
	s, err := b.Subscribe(t.Context(), "large", append(opts, Lossless())...)
	if err != nil {
		t.Fatal(err)
	}
	lengths := make(chan int, 1)
	go func() {
		defer close(lengths)
		for {
			f, err := s.Receive(t.Context())
			if err != nil {
				return
			}
			lengths <- len(f.Bytes())
			f.Release()
		}
	}()
	return lengths
}

// sleepy waits until somebody sleeps on the topic's data, and returns the bell's value.
func sleepy(t *testing.T, p *Publisher) uint32 {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !p.data.Asleep(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("nobody goes to sleep")
		}
	}
	return p.data.Value()
}

// TestALoanWakesSleepersEarly: Loan does, unless it was in vain lately: then ever fewer loans do, and all again once it was not.
func TestALoanWakesSleepersEarly(t *testing.T) {
	b, p := earlyBus(t, EarlyWake())
	lengths := drain(t, b, Block())
	publish := func(late bool) (early bool) {
		t.Helper()
		before := sleepy(t, p)
		l, err := p.Loan(t.Context(), earlyFrom)
		if err != nil {
			t.Fatal(err)
		}
		early = p.data.Value() != before && p.early.rang != 0
		if late {
			sleepy(t, p)
		}
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
		if n := <-lengths; n != earlyFrom {
			t.Fatalf("a frame of %d bytes", n)
		}
		return early
	}
	var tries []int
	for i := range 200 {
		if publish(true) {
			tries = append(tries, i)
		}
	}
	if want := "[0 2 5 10 19 36 69 134 199]"; fmt.Sprint(tries) != want {
		t.Errorf("with loans that take long, these woke early: %v, want %v", tries, want)
	}
	for i := 0; p.early.gap != 0; i++ { // until one was not in vain: its subscriber was awake when it was there
		if publish(false); i == 100_000 {
			t.Fatal("it was always in vain")
		}
	}
	if !publish(true) {
		t.Error("after a wake that was not in vain the next loan does not wake")
	}
}

// TestOnlyLargeFramesWakeEarly, and only if they are asked to.
func TestOnlyLargeFramesWakeEarly(t *testing.T) {
	for name, c := range map[string]struct {
		opts  []PublisherOption
		size  int
		early bool
	}{
		"with":    {[]PublisherOption{EarlyWake()}, earlyFrom, true},
		"smaller": {[]PublisherOption{EarlyWake()}, earlyFrom - 1, false},
		"without": {nil, 1 << 20, false},
	} {
		b, p := earlyBus(t, c.opts...)
		lengths := drain(t, b, Block())
		before := sleepy(t, p)
		l, err := p.Loan(t.Context(), c.size)
		if err != nil {
			t.Fatal(err)
		}
		if early := p.data.Value() != before; early != c.early {
			t.Errorf("%s: woken early: %v", name, early)
		}
		l.Abort()
		before = sleepy(t, p)
		if err := p.Publish(t.Context(), make([]byte, c.size)); err != nil {
			t.Fatal(err)
		}
		<-lengths
		if rings := (sleepy(t, p) - before) / 2; rings < 1 || rings > 2 || rings == 2 && !c.early {
			t.Errorf("%s: Publish has rung %d times", name, rings)
		}
	}
}

// TestEarlyWakeLosesNothing: publishers of large frames, copied and lent, with subscribers that wait in every way.
func TestEarlyWakeLosesNothing(t *testing.T) {
	const publishers, frames = 2, 150
	b, first := earlyBus(t, EarlyWake())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var work sync.WaitGroup
	for _, how := range []SubscribeOption{Block(), Spin(), func(*subscribeConfig) {}} {
		s, err := b.Subscribe(ctx, "large", Lossless(), how)
		if err != nil {
			t.Fatal(err)
		}
		work.Go(func() { receiveLarge(ctx, t, publishers*frames, s.Receive) })
	}
	s, err := b.Subscribe(ctx, "large", Lossless())
	if err != nil {
		t.Fatal(err)
	}
	var set WaitSet
	set.Add(s)
	work.Go(func() {
		receiveLarge(ctx, t, publishers*frames, func(ctx context.Context) (*Frame, error) {
			_, f, err := set.Receive(ctx)
			return f, err
		})
	})
	for i := range publishers {
		p := first
		if i > 0 {
			if p, err = b.Publisher("large", EarlyWake()); err != nil {
				t.Fatal(err)
			}
		}
		work.Go(func() { publishLarge(ctx, t, frames, p) })
	}
	work.Wait()
}

func publishLarge(ctx context.Context, t *testing.T, frames int, p *Publisher) {
	rnd := rand.New(rand.NewPCG(p.ID(), 1))
	for i := range frames {
		frame := bytes.Repeat([]byte{byte(i), byte(p.ID())}, 10_000+rnd.IntN(300_000))
		var err error
		if i%3 == 0 {
			var l *Loan
			if l, err = p.Loan(ctx, len(frame)); err == nil {
				cpu.Pause(uint32(rnd.IntN(4) * 5 * pausesPerMicrosecond()))
				copy(l.Bytes(), frame)
				err = l.Commit()
			}
		} else {
			err = p.Publish(ctx, frame)
		}
		if err != nil {
			t.Error(err)
			return
		}
		if rnd.IntN(4) > 0 { // so that subscribers sleep now and then
			cpu.Pause(uint32(rnd.IntN(300) * pausesPerMicrosecond()))
		}
	}
}

func receiveLarge(ctx context.Context, t *testing.T, frames int, receive func(context.Context) (*Frame, error)) {
	seen := map[uint64]uint64{}
	for range frames {
		f, err := receive(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		p, b := f.Publisher(), f.Bytes()
		if seen[p]++; f.Sequence() != seen[p] {
			t.Errorf("publisher %d: frame %d comes as the %dth", p, f.Sequence(), seen[p])
		}
		if want := bytes.Repeat([]byte{byte(seen[p] - 1), byte(p)}, len(b)/2); !bytes.Equal(b, want) {
			t.Errorf("publisher %d: frame %d is not what was sent", p, seen[p])
		}
		f.Release()
	}
}
