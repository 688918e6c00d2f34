//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/mcapfile"
)

// readRecording is what can be read of a recording, whatever its end is like.
func readRecording(t *testing.T, path string) (payloads []string, s mcapfile.Status) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := mcapfile.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, m, err := r.Next()
		if err == io.EOF {
			return payloads, r.Status()
		}
		if err != nil {
			t.Fatal(err)
		}
		payloads = append(payloads, string(m.Data))
	}
}

// TestAKilledRecorderLosesAtMostTheLastSecond: a frame each 100 ms, far too few to fill a chunk, and SIGKILL at some moment.
func TestAKilledRecorderLosesAtMostTheLastSecond(t *testing.T) {
	rounds := 3
	if long {
		rounds = 12
	}
	for i, compression := range []string{"zstd", "lz4", "none"} {
		for round := range rounds {
			t.Run(fmt.Sprintf("%s %d", compression, round), func(t *testing.T) {
				t.Parallel()
				killRecorder(t, compression, rand.New(rand.NewPCG(uint64(i), uint64(round))))
			})
		}
	}
}

// TestARecorderWhoseTerminalIsClosedFinishesItsFile: the shell and the kernel may both say so.
func TestARecorderWhoseTerminalIsClosedFinishesItsFile(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("SIGHUP is ignored here")
	}
	b := openBus(t)
	path := filepath.Join(t.TempDir(), "r.mcap")
	p := publisher(t, b, "t", bus.TopicOptions{})
	for range 10 {
		if err := p.Publish(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	c := command(t, b.Dir(), "record", "-o", path, "--from", "oldest", "t", "none")
	c.start()
	c.says("waiting for topic")
	_ = c.Process.Signal(syscall.SIGHUP)
	_ = c.Process.Signal(syscall.SIGHUP)
	c.ends(129)
	if got, s := readRecording(t, path); len(got) != 10 || !s.Closed {
		t.Errorf("%d frames of 10, %+v", len(got), s)
	}
}

func TestACommandWithoutHangupsOutlivesItsTerminal(t *testing.T) {
	b := openBus(t)
	c := command(t, b.Dir(), "tap", "-n", "1", "--from", "oldest", "t")
	c.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$@"`, "sh", c.Path}, c.Args[1:]...)
	c.Path = "/bin/sh"
	c.start()
	c.says("waiting for topic")
	_ = c.Process.Signal(syscall.SIGHUP)
	p := publisher(t, b, "t", bus.TopicOptions{})
	if err := p.Publish(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	c.ends(0)
}

func killRecorder(t *testing.T, compression string, r *rand.Rand) {
	b := openBus(t)
	path := filepath.Join(t.TempDir(), "r.mcap")
	c := command(t, b.Dir(), "record", "-o", path, "--compression", compression, "slow")
	c.start()
	c.says("waiting for topic")
	p := publisher(t, b, "slow", bus.TopicOptions{})
	kill := time.After(1500*time.Millisecond + time.Duration(r.Int64N(int64(1500*time.Millisecond))))
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var sent []time.Time
	for killed := false; !killed; {
		select {
		case <-tick.C:
			sent = append(sent, time.Now())
			if err := p.Publish(context.Background(), fmt.Appendf(nil, "frame %d", len(sent))); err != nil {
				t.Fatal(err)
			}
		case <-kill:
			killed = true
		}
	}
	at := time.Now()
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	payloads, s := readRecording(t, path)
	old := 0
	for _, when := range sent {
		if at.Sub(when) > time.Second {
			old++
		}
	}
	t.Logf("killed after %v: %d frames sent, %d older than a second, %d recovered; %s", at.Sub(sent[0]), len(sent), old, len(payloads), s.Ends)
	if len(payloads) < old || s.Closed || s.Bad > 0 {
		t.Errorf("%d frames were recovered, and %d were older than a second: %+v", len(payloads), old, s)
	}
	for i, got := range payloads {
		if want := fmt.Sprintf("frame %d", i+1); got != want {
			t.Fatalf("frame %d is %q, not %q", i, got, want)
		}
	}
	replay := command(t, b.Dir(), "replay", "--speed", "0", "--prefix", "again/", path)
	replay.start()
	replay.ends(0)
	if stat, err := b.Stat("again/slow"); err != nil || stat.Frames != uint64(len(payloads)) {
		t.Errorf("replayed %d of %d: %v", stat.Frames, len(payloads), err)
	}
	if !strings.Contains(replay.err.String(), "was not closed") {
		t.Errorf("replay says %q", replay.err.String())
	}
}

// TestARecorderThatIsKilledWhileItWritesALot leaves whole chunks: what is there is a beginning of what was sent.
func TestARecorderThatIsKilledWhileItWritesALot(t *testing.T) {
	b := openBus(t)
	path := filepath.Join(t.TempDir(), "r.mcap")
	c := command(t, b.Dir(), "record", "-o", path, "--compression", "none", "--lossless", "much")
	c.start()
	c.says("waiting for topic")
	p := publisher(t, b, "much", bus.TopicOptions{Policy: bus.PolicyLossless, CellSize: 1024})
	ctx, cancel := context.WithCancel(context.Background())
	sent := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			if p.Publish(ctx, fmt.Appendf(nil, "frame %d %s", n+1, strings.Repeat("x", 900))) != nil {
				break
			}
		}
		sent <- n
	}()
	eventually(t, "20 MB are in the file", func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() > 20<<20
	})
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	cancel()
	n := <-sent
	payloads, s := readRecording(t, path)
	if len(payloads) > n || len(payloads) < 20000 || s.Closed || s.Bad > 0 {
		t.Errorf("%d of %d frames: %+v", len(payloads), n, s)
	}
	for i, got := range payloads {
		if want := fmt.Sprintf("frame %d ", i+1); !strings.HasPrefix(got, want) {
			t.Fatalf("frame %d is %.20q", i, got)
		}
	}
	t.Logf("%d of %d frames; %s", len(payloads), n, s.Ends)
}

// TestADeadPublisherDoesNotHoldARecorderUp: the gap that it left is cleared, and what comes after it is recorded.
func TestADeadPublisherDoesNotHoldARecorderUp(t *testing.T) {
	b := openBus(t)
	path := filepath.Join(t.TempDir(), "r.mcap")
	c := command(t, b.Dir(), "record", "-o", path, "--limit", "2", "t")
	c.start()
	c.says("waiting for topic")
	p := publisher(t, b, "t", bus.TopicOptions{})
	ctx := context.Background()
	if err := p.Publish(ctx, []byte("before")); err != nil {
		t.Fatal(err)
	}
	dead := &process{Cmd: exec.Command("holder", "t"), t: t}
	dead.Env = append(dead.Environ(), "SHMBUS_DIR="+b.Dir())
	in, err := dead.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out := &lockedBuffer{}
	dead.Stdout = out
	dead.start()
	eventually(t, "the frame is begun", func() bool { return out.String() != "" })
	if err := dead.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = dead.Wait()
	if err := p.Publish(ctx, []byte("after")); err != nil {
		t.Fatal(err)
	}
	c.ends(0)
	payloads, s := readRecording(t, path)
	if len(payloads) != 2 || payloads[0] != "before" || payloads[1] != "after" || !s.Closed {
		t.Errorf("%q %+v", payloads, s)
	}
}
