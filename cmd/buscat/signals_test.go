//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/cli"
)

// recordTen starts a recorder of ten frames of so many bytes, which goes on to wait for more.
func recordTen(t *testing.T, path string, size int, more ...string) *process {
	t.Helper()
	b := openBus(t)
	p := publisher(t, b, "t", bus.TopicOptions{})
	for range 10 {
		if err := p.Publish(t.Context(), make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	return command(t, b.Dir(), append([]string{"record", "-o", path, "--from", "oldest", "t", "none"}, more...)...)
}

// TestASignalThatIsSaidTwiceIsOneWish: timeout(1) sends it to its child, and at once again to the child's group.
func TestASignalThatIsSaidTwiceIsOneWish(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.mcap")
	c := recordTen(t, path, 1)
	c.start()
	c.says("waiting for topic")
	for begun := time.Now(); time.Since(begun) < cli.SameWish/4; {
		_ = c.Process.Signal(syscall.SIGTERM)
	}
	c.ends(143)
	if got, s := readRecording(t, path); len(got) != 10 || !s.Closed {
		t.Errorf("%d frames of 10, %+v", len(got), s)
	}
}

// TestALaterSignalEndsARecorderAtOnce: its file is a pipe that nobody reads, so that it would never end by itself.
func TestALaterSignalEndsARecorderAtOnce(t *testing.T) {
	t.Run("by itself", func(t *testing.T) {
		c, end := stuckRecorder(t)
		end()
		s, ok := c.ProcessState.Sys().(syscall.WaitStatus)
		if !ok || !s.Signaled() || s.Signal() != syscall.SIGINT {
			t.Errorf("it ended with %v; standard error: %s", c.ProcessState, c.err.String())
		}
	})
	t.Run("a script has it ignored", func(t *testing.T) {
		c, end := stuckRecorder(t)
		c.Args = append([]string{"sh", "-c", `trap '' INT; exec "$0" "$@"`, c.Path}, c.Args[1:]...)
		c.Path = "/bin/sh"
		end()
		if code := c.ProcessState.ExitCode(); code != 130 {
			t.Errorf("it ended with %v; standard error: %s", c.ProcessState, c.err.String())
		}
	})
}

// stuckRecorder is a recorder that does not end by itself. end starts it and sends it SIGINT until it has ended.
func stuckRecorder(t *testing.T) (c *process, end func()) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	c = recordTen(t, "/dev/fd/3", 100_000, "--compression", "none", "--force")
	c.ExtraFiles = []*os.File{w}
	return c, func() {
		t.Helper()
		c.start()
		c.says("waiting for topic")
		begun := time.Now()
		done := make(chan bool)
		go func() {
			for {
				_ = c.Process.Signal(os.Interrupt)
				select {
				case <-done:
					return
				case <-time.After(5 * time.Millisecond): // a user who presses Ctrl-C again and again
				}
			}
		}()
		timer := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
		_ = c.Wait()
		close(done)
		timer.Stop()
		if took := time.Since(begun); took < cli.SameWish {
			t.Errorf("it ended after %v: that was one wish", took)
		}
	}
}

// TestSIGQUITIsLeftToGo, as the help says.
func TestSIGQUITIsLeftToGo(t *testing.T) {
	c := command(t, openBus(t).Dir(), "tap", "none")
	c.start()
	c.says("waiting for topic")
	_ = c.Process.Signal(syscall.SIGQUIT)
	c.ends(2)
	if !strings.Contains(c.err.String(), "goroutine") {
		t.Errorf("it says %s", c.err.String())
	}
}
