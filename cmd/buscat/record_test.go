package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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

func TestSizesInBytes(t *testing.T) {
	for text, want := range map[string]byteSize{
		"1": 1, "500000": 5e5, "100MB": 1e8, "100mb": 1e8, "1.5k": 1500, "1KiB": 1024, "2GiB": 2 << 30, "3 MB": 3e6, "7B": 7,
		"": -1, "0": -1, "-1": -1, "MB": -1, "1XB": -1, "NaN": -1, "1e30": -1, "i": -1, "1BB": -1, "1TT": -1,
	} {
		var b byteSize
		err := b.Set(text)
		if err == nil && b != want || err != nil && want >= 0 {
			t.Errorf("%q: %d, %v", text, b, err)
		}
	}
}

// TestAPlayerKeepsThePace: frames are due by their times and the speed; a file that is older than the one before begins at once.
func TestAPlayerKeepsThePace(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	const ms = uint64(time.Millisecond)
	p := &player{speed: 2}
	start := time.Now()
	for _, at := range []uint64{1000 * ms, 1010 * ms, 1005 * ms, 1040 * ms} {
		if err := p.wait(ctx, at); err != nil {
			t.Fatal(err)
		}
		p.frames++
	}
	if d := time.Since(start); d < 20*time.Millisecond {
		t.Errorf("40 ms at twice the speed took %v", d)
	}
	p.fileBegins()
	begun := time.Now()
	for _, at := range []uint64{10 * ms, 30 * ms} {
		if err := p.wait(ctx, at); err != nil {
			t.Fatal(err)
		}
	}
	if d := time.Since(begun); d < 10*time.Millisecond || d > patience {
		t.Errorf("20 ms at twice the speed took %v", d)
	}
	cancel()
	if err := p.wait(ctx, 1<<63); err == nil {
		t.Error("a frame of the far future is due")
	}
	p.speed = 0
	if err := p.wait(ctx, 1<<63); err != nil {
		t.Error(err)
	}
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
