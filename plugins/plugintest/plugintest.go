// Package plugintest runs a plugin's function in a test, on a bus of its own, and hears what it tells. It sets the environment, so that
// tests that use it do not run in parallel.
package plugintest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"shmbus/bus"
	"shmbus/plugins"
)

// Patience is how long a test waits for what has to come.
const Patience = time.Minute

// NewDir is a directory with a short path, in memory, that goes with the test.
func NewDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "shmbus-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// NewBus is a bus of its own.
func NewBus(t testing.TB) *bus.Bus {
	t.Helper()
	b, err := bus.Open(filepath.Join(NewDir(t), "bus"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// A Harness is a plugin that runs. Its methods are for the test's goroutine.
type Harness struct {
	Bus *bus.Bus

	t      testing.TB
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done is closed

	mu     sync.Mutex
	notice plugins.Notice // the newest of each kind
}

// Start starts a plugin with a config table, as JSON, and the manifest's topics. It is stopped with the test.
func Start(t testing.TB, f plugins.Func, config string, topics ...string) *Harness {
	t.Helper()
	return StartOn(t, NewBus(t), f, config, topics...)
}

// StartOn is Start on a bus that is there.
func StartOn(t testing.TB, b *bus.Bus, f plugins.Func, config string, topics ...string) *Harness {
	t.Helper()
	h := &Harness{Bus: b, t: t, done: make(chan struct{})}
	socket := filepath.Join(NewDir(t), "n")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	go h.hear(c)
	t.Setenv(plugins.EnvNotify, socket)
	t.Setenv(plugins.EnvConfig, config)
	t.Setenv(plugins.EnvTopics, strings.Join(topics, "\n"))
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	p := &plugins.Plugin{Name: "test", Bus: b, Log: hclog.New(&hclog.LoggerOptions{Name: "test", Output: t.Output(), Level: hclog.Debug})}
	go func() {
		defer close(h.done)
		h.err = f(ctx, p)
	}()
	t.Cleanup(func() {
		cancel()
		<-h.done
		c.Close()
	})
	return h
}

func (h *Harness) hear(c *net.UnixConn) {
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		got := plugins.ParseNotice(b[:n])
		h.mu.Lock()
		h.notice.Ready = h.notice.Ready || got.Ready
		h.notice.Watchdog = h.notice.Watchdog || got.Watchdog
		if got.Status != "" {
			h.notice.Status = got.Status
		}
		h.mu.Unlock()
	}
}

// Notice is what the plugin has told so far, with its newest status.
func (h *Harness) Notice() plugins.Notice {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.notice
}

// Await waits for something that nobody tells of.
func (h *Harness) Await(what string, ok func() bool) {
	h.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(Patience); !ok(); {
		select {
		case <-h.done:
			h.t.Fatalf("the plugin has ended, and still not: %s; %v", what, h.err)
		case now := <-tick.C:
			if now.After(end) {
				h.t.Fatalf("after %v still not: %s", Patience, what)
			}
		}
	}
}

// Ready waits until the plugin is.
func (h *Harness) Ready() {
	h.t.Helper()
	h.Await("ready", func() bool { return h.Notice().Ready })
}

// soon is a context that ends with the test's patience, or when the plugin fails, and what to say then.
func (h *Harness) soon() (context.Context, func() string) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	h.t.Cleanup(cancel)
	go func() {
		defer cancel()
		select {
		case <-h.done:
			if h.err == nil {
				<-ctx.Done()
			}
		case <-ctx.Done():
		}
	}()
	return ctx, func() string {
		cancel()
		select {
		case <-h.done:
			return fmt.Sprintf("the plugin has ended: %v", h.err)
		default:
			return "the plugin goes on"
		}
	}
}

// Subscribe subscribes to all frames of a topic, also if it is still to be made.
func (h *Harness) Subscribe(topic string, opts ...bus.SubscribeOption) *bus.Subscriber {
	h.t.Helper()
	ctx, plugin := h.soon()
	s, err := h.Bus.Subscribe(ctx, topic, append(opts, bus.WaitForTopic(), bus.FromOldest())...)
	if how := plugin(); err != nil {
		h.t.Fatalf("%v; %s", err, how)
	}
	h.t.Cleanup(func() { s.Close() })
	return s
}

// Receive is the next frame.
func (h *Harness) Receive(s *bus.Subscriber) *bus.Frame {
	h.t.Helper()
	if f, err := s.TryReceive(); f != nil && err == nil {
		return f
	}
	ctx, plugin := h.soon()
	f, err := s.Receive(ctx)
	if how := plugin(); err != nil {
		h.t.Fatalf("%v; %s", err, how)
	}
	return f
}

// Expect receives frames, which must be these.
func (h *Harness) Expect(s *bus.Subscriber, want ...string) {
	h.t.Helper()
	for _, w := range want {
		f := h.Receive(s)
		got := string(f.Bytes())
		f.Release()
		if got != w {
			h.t.Fatalf("got %.100q, want %.100q", got, w)
		}
	}
}

// Stop tells the plugin to end, and waits for that; an error fails the test.
func (h *Harness) Stop() {
	h.t.Helper()
	h.cancel()
	<-h.done
	if h.err != nil && !errors.Is(h.err, context.Canceled) {
		h.t.Errorf("it ends with %v", h.err)
	}
}

// Wait is the error of the plugin, which is to end by itself.
func (h *Harness) Wait() error {
	h.t.Helper()
	select {
	case <-h.done:
		return h.err
	case <-time.After(Patience):
		h.t.Fatal("it goes on")
		return nil
	}
}

// Run is the error of a plugin that does not go on.
func Run(t testing.TB, f plugins.Func, config string, topics ...string) error {
	t.Helper()
	return Start(t, f, config, topics...).Wait()
}
