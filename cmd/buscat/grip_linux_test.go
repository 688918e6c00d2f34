//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"shmbus/bus"
	"shmbus/segment"
)

// grip KIND TOPIC is a process that holds something of a bus, says so, and ends when its input does.
func grip() {
	if err := gripOn(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("gripping")
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0) // what it holds is left as it is
}

var gripLossless = bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 16}

func gripOn(kind, topic string) error {
	ctx := context.Background()
	b, err := bus.Open("")
	if err != nil {
		return err
	}
	subscribe := func(publish int, o ...bus.SubscribeOption) error {
		if err := b.CreateTopic(topic, gripLossless); err != nil {
			return err
		}
		s, err := b.Subscribe(ctx, topic, o...)
		if err != nil || publish == 0 {
			return err
		}
		p, err := b.Publisher(topic)
		if err != nil {
			return err
		}
		for i := range publish {
			if err := p.Publish(ctx, fmt.Append(nil, i)); err != nil {
				return err
			}
		}
		if err := p.Close(); err != nil {
			return err
		}
		_, err = s.Receive(ctx)
		return err
	}
	switch kind {
	case "claim", "ephemeral":
		o := gripLossless
		o.Ephemeral = kind == "ephemeral"
		p, err := b.Publisher(topic, bus.WithTopic(o))
		if err != nil {
			return err
		}
		_, err = p.Loan(ctx, 10)
		return err
	case "gate": // behind by half the ring
		return subscribe(8, bus.Lossless())
	case "hand":
		return subscribe(1, bus.Group("w"))
	case "tap":
		return subscribe(0, bus.ReadOnly())
	case "join":
		return subscribe(0)
	case "lock":
		_, err := segment.LockDir(ctx, b.Dir(), segment.Options{})
		return err
	}
	return fmt.Errorf("no grip %q", kind)
}

// A gripping is a grip that runs.
type gripping struct {
	*exec.Cmd
	t  *testing.T
	in io.Closer
}

// startGrip starts a grip on a bus; wrap, if any, is put before it.
func startGrip(t *testing.T, dir string, wrap []string, kind, topic string) *gripping {
	t.Helper()
	h, err := tryGrip(t, dir, wrap, kind, topic)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func tryGrip(t *testing.T, dir string, wrap []string, kind, topic string) (*gripping, error) {
	t.Helper()
	line := append(append([]string{}, wrap...), "grip", kind, topic)
	c := exec.Command(line[0], line[1:]...)
	c.Env = append(os.Environ(), "SHMBUS_DIR="+dir)
	var said lockedBuffer
	c.Stderr = &said
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	h := &gripping{c, t, in}
	t.Cleanup(h.kill)
	s := bufio.NewScanner(out)
	if !s.Scan() || s.Text() != "gripping" {
		h.kill()
		return nil, fmt.Errorf("%v says %q: %s", line, s.Text(), said.String())
	}
	return h, nil
}

// kill ends it as kill -9 does, and waits for its end.
func (h *gripping) kill() {
	if h.ProcessState == nil {
		_ = h.Process.Kill()
		_ = h.Wait()
	}
}

// ends lets it end, and waits for that.
func (h *gripping) ends() {
	_ = h.in.Close()
	_ = h.Wait()
}

func (h *gripping) signal(s syscall.Signal) {
	h.t.Helper()
	if err := h.Process.Signal(s); err != nil {
		h.t.Fatal(err)
	}
}

// stop stops the process, and waits until it is.
func (h *gripping) stop() {
	h.t.Helper()
	h.signal(syscall.SIGSTOP)
	eventually(h.t, "it is stopped", func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.Process.Pid))
		return err == nil && strings.Contains(string(b), ") T ")
	})
}
