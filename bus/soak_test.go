//go:build linux

package bus_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

func init() {
	helpers["soak publisher"] = soakPublisher
	helpers["soak reader"] = soakReader
}

// untilTold is a context that is done when the helper's parent says something, or has ended.
func untilTold(peer *testproc.Peer) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		peer.Await()
		cancel()
	}()
	return ctx, cancel
}

// soakPublisher publishes frames with checksums until it is told to end, and says how many they were.
func soakPublisher(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	p, err := b.Publisher("t")
	if err != nil {
		return err
	}
	peer.Say("id %d", p.ID())
	ctx, cancel := untilTold(peer)
	defer cancel()
	rnd := rand.New(rand.NewPCG(p.ID(), 7))
	n := uint64(0)
	for ; ctx.Err() == nil; n++ {
		frame := make([]byte, 4+rnd.IntN(3000)*rnd.IntN(2)+rnd.IntN(100))
		for i := 4; i+8 < len(frame); i += 8 {
			binary.LittleEndian.PutUint64(frame[i:], rnd.Uint64())
		}
		binary.LittleEndian.PutUint32(frame, crc32.ChecksumIEEE(frame[4:]))
		if err := p.Publish(ctx, frame); err != nil {
			if ctx.Err() != nil {
				break
			}
			return err
		}
		if n%64 == 63 {
			time.Sleep(time.Millisecond) // not synchronisation: others are to get a word in
		}
	}
	if err := p.Close(); err != nil {
		return err
	}
	peer.Say("sent %d", n)
	return b.Close()
}

// A ledger counts what came of each publisher, whose frames must come in order, whole and once.
type ledger map[uint64]uint64

func (l ledger) enter(f *bus.Frame, joined bool) error {
	b := f.Bytes()
	if len(b) < 4 || crc32.ChecksumIEEE(b[4:]) != binary.LittleEndian.Uint32(b) {
		return fmt.Errorf("frame %d of publisher %d is torn", f.Sequence(), f.Publisher())
	}
	last, known := l[f.Publisher()]
	if f.Sequence() <= last || joined && f.Sequence() != last+1 && (known || f.Sequence() != 1) {
		return fmt.Errorf("frame %d of publisher %d came after frame %d", f.Sequence(), f.Publisher(), last)
	}
	l[f.Publisher()] = f.Sequence()
	return nil
}

// soakReader reads in the way Arg(1) says until it is told to end.
func soakReader(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	how := modes[peer.Arg(1)]
	if how == nil {
		how = bus.Group(peer.Arg(1))
	}
	s, err := b.Subscribe(ctx, "t", how)
	if err != nil {
		return err
	}
	peer.Say("ready")
	go func() {
		peer.Await()
		cancel()
	}()
	books := ledger{}
	for f, err := range s.Frames(ctx) {
		if ctx.Err() != nil {
			break
		}
		if err == nil && f.Attempt() == 1 {
			err = books.enter(f, false)
		}
		if err != nil {
			return err
		}
	}
	if err := s.Close(); err != nil {
		return err
	}
	peer.Say("end")
	return b.Close()
}

// soakTime is how long it soaks: SHMBUS_SOAK, or some seconds.
func soakTime(t *testing.T) time.Duration {
	d, err := time.ParseDuration(os.Getenv("SHMBUS_SOAK"))
	switch {
	case err == nil:
		return d
	case os.Getenv("SHMBUS_SOAK") != "":
		t.Fatal(err)
	case long:
		return 20 * time.Second
	}
	return 3 * time.Second
}

// TestSoak: publishers, lossless, lossy and tapping readers and members of a group come, go, are stopped and are killed, at random. A
// lossless subscription sees every frame of everybody, in order, whole, once; those that ended by themselves sent as many as they say.
// In the end nothing is held, nothing is wrong, and nothing is left.
func TestSoak(t *testing.T) {
	t.Parallel() // it waits most of the time
	dir := newDir(t)
	b := openAt(t, dir)
	noError(t, b.CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 1024}))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	every := subscribe(t, b, "t", bus.Lossless())
	var mu sync.Mutex
	books, total, pause, last := ledger{}, uint64(0), time.Duration(0), time.Now()
	var wg sync.WaitGroup
	wg.Go(func() {
		for f, err := range every.Frames(ctx) {
			if ctx.Err() != nil {
				return
			}
			mu.Lock()
			if err == nil {
				err = books.enter(f, true)
			}
			total++
			now := time.Now()
			pause = max(pause, now.Sub(last))
			last = now
			mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	crowd := soakCrowd{t: t, dir: dir, rnd: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)), done: map[string]int{}, sent: map[uint64]uint64{}}
	start := time.Now()
	for time.Since(start) < soakTime(t) && !t.Failed() {
		crowd.step()
	}
	crowd.endAll()
	eventually(t, 20*time.Second, "all is received", func() bool {
		st, err := b.Stat("t")
		mu.Lock()
		defer mu.Unlock()
		return err == nil && st.Publishers == 0 && st.Subscribers == 1 && len(st.SubscriberList) == 1 && st.SubscriberList[0].Lag == 0 &&
			total <= st.Frames && st.Frames <= total+uint64(crowd.done["killed"])
	})
	stop()
	wg.Wait()
	for id, n := range crowd.sent {
		if books[id] != n {
			t.Errorf("publisher %d sent %d frames, %d were received", id, n, books[id])
		}
	}
	takeTheRest(t, b)
	wantFindings(t, b, "")
	noError(t, every.Close())
	if _, err := b.Prune(); err != nil {
		t.Error(err)
	}
	t.Logf("%v: %d frames of %d publishers; %v; the longest pause between two frames was %v", time.Since(start).Round(time.Second), total, len(books), crowd.done, pause)
}

// takeTheRest takes what the group has not: if its last member was killed with a frame in hand, the group stays for one to come.
func takeTheRest(t *testing.T, b *bus.Bus) {
	m := subscribe(t, b, "t", bus.Group("w"))
	for {
		f, err := m.TryReceive()
		noError(t, err)
		if f == nil {
			break
		}
		f.Release()
	}
	noError(t, m.Close())
}

// A soakCrowd is the processes that are there now.
type soakCrowd struct {
	t      *testing.T
	dir    string
	rnd    *rand.Rand
	others []*soaker
	done   map[string]int    // what was done, how often
	sent   map[uint64]uint64 // by publishers that ended by themselves
}

type soaker struct {
	*testproc.Process
	id uint64 // of a publisher
}

// step does one thing to somebody.
func (c *soakCrowd) step() {
	what := c.rnd.IntN(10)
	if len(c.others) < 4 || what < 3 && len(c.others) < 9 {
		c.start()
		return
	}
	i := c.rnd.IntN(len(c.others))
	p := c.others[i]
	switch {
	case what < 5:
		c.done["killed"]++
		p.Kill()
		c.others = append(c.others[:i], c.others[i+1:]...)
	case what < 7:
		c.end(p)
		c.others = append(c.others[:i], c.others[i+1:]...)
	case what < 8:
		c.done["stopped"]++
		p.Signal(syscall.SIGSTOP)
		time.Sleep(time.Duration(c.rnd.IntN(60)) * time.Millisecond) // not synchronisation: this is how long it is stopped
		p.Signal(syscall.SIGCONT)
	default:
		time.Sleep(time.Duration(c.rnd.IntN(20)) * time.Millisecond) // not synchronisation: they are to have some time to themselves
	}
}

func (c *soakCrowd) start() {
	c.done["started"]++
	s := &soaker{}
	if c.rnd.IntN(2) == 0 {
		s.Process = testproc.Start(c.t, "soak publisher", c.dir)
		_, err := fmt.Sscan(s.Expect("id "), &s.id)
		noError(c.t, err)
	} else {
		how := []string{"lossless", "lossy", "tap", "w", "w"}[c.rnd.IntN(5)]
		s.Process = testproc.Start(c.t, "soak reader", c.dir, how)
		s.Expect("ready")
	}
	c.others = append(c.others, s)
}

// end tells one to end, and takes its word.
func (c *soakCrowd) end(p *soaker) {
	c.done["ended"]++
	p.Say("end")
	said := p.Line()
	if n := uint64(0); p.id != 0 {
		if _, err := fmt.Sscanf(said, "sent %d", &n); err != nil {
			c.t.Errorf("a publisher says %q", said)
		}
		c.sent[p.id] = n
	} else if !strings.HasPrefix(said, "end") {
		c.t.Errorf("a reader says %q", said)
	}
	p.Wait()
}

// endAll ends those who publish first, so that nobody is held up by one who has ended reading.
func (c *soakCrowd) endAll() {
	for _, p := range c.others {
		if p.id != 0 {
			c.end(p)
		}
	}
	for _, p := range c.others {
		if p.id == 0 {
			c.end(p)
		}
	}
	c.others = nil
}
