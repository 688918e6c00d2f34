//go:build linux

package bus_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

func init() {
	helpers["hold a frame"] = holdFrame
	helpers["hold a loan"] = holdLoan
	helpers["wait for room"] = waitForRoom
	helpers["wait for a topic"] = waitForTopic
}

// holdFrame takes a frame as a lossless subscriber and keeps it.
func holdFrame(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	s, err := b.Subscribe(context.Background(), "t", bus.Lossless(), bus.FromOldest())
	if err != nil {
		return err
	}
	f, err := s.Receive(context.Background())
	if err != nil {
		return err
	}
	peer.Say("holding")
	peer.Await()
	f.Release()
	return s.Close()
}

// holdLoan takes a loan of Arg(1) bytes and keeps it.
func holdLoan(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	p, err := b.Publisher("t")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(peer.Arg(1))
	if err != nil {
		return err
	}
	l, err := p.Loan(context.Background(), n)
	if err != nil {
		return err
	}
	peer.Say("lent")
	peer.Await()
	return l.Commit()
}

// waitForRoom publishes until it is held up, and goes on waiting.
func waitForRoom(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	p, err := b.Publisher("t")
	if err != nil {
		return err
	}
	peer.Say("id %d", p.ID())
	for err == nil {
		err = p.Publish(context.Background(), nil)
	}
	return err
}

// waitForTopic receives frames from a topic that is not there yet, and says them.
func waitForTopic(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	s, err := b.Subscribe(context.Background(), "t", modes[peer.Arg(1)], bus.OnWait(func() { peer.Say("waiting") }))
	if err != nil {
		return err
	}
	for f, err := range s.Frames(context.Background()) {
		if err != nil {
			return err
		}
		peer.Say("frame %s", f.Bytes())
		if string(f.Bytes()) == "last" {
			break
		}
	}
	return s.Close()
}

// within a second somebody's death has no effect any more. The rest is for the machine.
const reaped = 1500 * time.Millisecond

// goesOn fails if the call takes too long.
func goesOn(t *testing.T, what string, call func() error) {
	t.Helper()
	start := time.Now()
	noError(t, call())
	d := time.Since(start)
	if d > reaped {
		t.Errorf("%s took %v", what, d)
	}
	t.Logf("%s: %v", what, d)
}

func TestAPublisherGoesOnWhenTheSubscriberThatBarsItIsKilled(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	for _, wait := range []bool{true, false} {
		p := publisher(t, b, "t", losslessRing(8))
		publish(t, p, "held")
		h := testproc.Start(t, "hold a frame", dir)
		h.Expect("holding")
		for range 7 {
			noError(t, p.TryPublish(nil))
		}
		is(t, p.TryPublish(nil), bus.ErrBackpressure)
		if wait {
			result := make(chan error, 1)
			go func() { result <- p.Publish(soon(t), nil) }()
			h.Kill()
			goesOn(t, "Publish", func() error { return <-result })
		} else {
			h.Kill()
			goesOn(t, "TryPublish", func() error {
				eventually(t, 10*time.Second, "there is room", func() bool { return p.TryPublish(nil) == nil })
				return nil
			})
		}
		noError(t, p.Close())
		noError(t, b.RemoveTopic("t"))
	}
}

func TestAllGoOnWhenAPublisherWithAnOpenLoanIsKilled(t *testing.T) {
	for _, policy := range []bus.Policy{bus.PolicyLossless, bus.PolicyOverwrite} {
		for _, size := range []int{1, 200} {
			t.Run(fmt.Sprint(policy, ", ", size, " bytes"), func(t *testing.T) {
				dir := newDir(t)
				b := openAt(t, dir)
				p := publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{Slots: 8, Policy: policy}))
				lossy, polled := subscribe(t, b, "t"), subscribe(t, openAt(t, dir), "t")
				h := testproc.Start(t, "hold a loan", dir, fmt.Sprint(size))
				h.Expect("lent")
				left := 8 - (size+63)/64
				for i := range left {
					noError(t, p.TryPublish([]byte{byte(i)}))
				}
				is(t, p.TryPublish(nil), bus.ErrBackpressure, "another publisher")
				blocked := make(chan error, 1)
				go func() { blocked <- p.Publish(soon(t), bytes.Repeat([]byte("x"), 256)) }()
				nothing(t, lossy)
				h.Kill()
				goesOn(t, "Publish", func() error { return <-blocked })
				goesOn(t, "Receive", func() error {
					_, err := lossy.Receive(soon(t))
					return err
				})
				eventually(t, 5*time.Second, "TryReceive goes on", func() bool {
					f, err := polled.TryReceive()
					noError(t, err)
					return f != nil
				})
			})
		}
	}
}

func TestTryReceiveAloneGetsPastADeadPublisher(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	p := publisher(t, b, "t")
	for _, mode := range []bus.SubscribeOption{bus.Lossy()} {
		s := subscribe(t, b, "t", mode)
		h := testproc.Start(t, "hold a loan", dir, "1000")
		h.Expect("lent")
		publish(t, p, "behind")
		for range 10 {
			nothing(t, s)
		}
		h.Kill()
		goesOn(t, "TryReceive", func() error {
			eventually(t, 10*time.Second, "the frame behind is there", func() bool {
				f, err := s.TryReceive()
				noError(t, err)
				return f != nil
			})
			return nil
		})
		noError(t, s.Close())
	}
}

func TestAPublisherThatDiesFirstInTheQueueBarsNobody(t *testing.T) {
	t.Parallel() // it waits most of the time
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		for _, try := range []bool{true, false} {
			dir := newDir(t)
			b := openAt(t, dir)
			p := publisher(t, b, "t", losslessRing(8))
			s := subscribe(t, b, "t", bus.Lossless())
			h := testproc.Start(t, "wait for room", dir)
			h.Expect("id")
			eventually(t, 10*time.Second, "the ring is full", func() bool { st, err := b.Stat("t"); return err == nil && st.Tail == 8 })
			pause(30 * time.Millisecond) // it has its turn by now
			h.Signal(sig)
			if sig == syscall.SIGKILL {
				h.Kill()
			} else {
				eventually(t, 10*time.Second, "all its threads are stopped", func() bool { return stopped(t, h.Pid()) })
			}
			for len(drain(t, s)) > 0 {
			}
			start := time.Now()
			for i := range 40 {
				if try {
					eventually(t, 10*time.Second, "there is room", func() bool { return p.TryPublish([]byte{byte(i)}) == nil })
				} else {
					noError(t, p.Publish(soon(t), []byte{byte(i)}))
				}
				for len(drain(t, s)) > 0 {
				}
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%v, TryPublish %v: 40 frames took %v", sig, try, d)
			} else {
				t.Logf("%v, TryPublish %v: 40 frames took %v", sig, try, d)
			}
			h.Kill()
		}
	}
}

// stopped says whether all threads of a process are.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	noError(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		noError(t, err)
		if _, rest, _ := strings.Cut(string(b), ") "); !strings.HasPrefix(rest, "T") {
			return false
		}
	}
	return len(files) > 0
}

func TestAnotherProcessWaitsForATopic(t *testing.T) {
	for mode := range modes {
		dir := newDir(t)
		h := testproc.Start(t, "wait for a topic", dir, mode)
		h.Expect("waiting")
		b := openAt(t, dir)
		p := publisher(t, b, "t", lossless)
		publish(t, p, "first", "second")
		for _, want := range []string{"first", "second"} {
			if f := h.Expect("frame"); f != want {
				t.Errorf("%s: got %q, want %q", mode, f, want)
			}
		}
		noError(t, p.Close())
		noError(t, b.RemoveTopic("t"))
		h.Expect("waiting")
		publish(t, publisher(t, b, "t", lossless), "last")
		if f := h.Expect("frame"); f != "last" {
			t.Errorf("%s: got %q, want %q", mode, f, "last")
		}
		h.Wait()
	}
}

func TestAnUnknownHelperFails(t *testing.T) {
	cmd, err := testproc.Command(nil, "no such helper")
	noError(t, err)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err == nil || !bytes.Contains(said.Bytes(), []byte("no such helper")) {
		t.Errorf("it ended with %v and said %q", err, said.String())
	}
}
