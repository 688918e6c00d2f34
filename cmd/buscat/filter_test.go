//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"testing"

	"shmbus/bus"
)

// TestAFrameThatPassesAFilterIsThereAtOnce although the topic never comes to rest: the publisher goes on for as long as it takes.
func TestAFrameThatPassesAFilterIsThereAtOnce(t *testing.T) {
	b := openBus(t)
	p := publisher(t, b, "t", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 64})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	publish(t, p, `{"x":1}`)
	c := command(t, b.Dir(), "--lossless", "--from", "oldest", "--where", ".x?", "t")
	c.Stdout = w
	c.start()
	_ = w.Close()
	lines := bufio.NewReader(r)
	readLine(t, r, lines, `{"x":1}`)

	ctx, stop := context.WithCancel(t.Context())
	publish(t, p, `{"x":2}`)
	done := make(chan error, 1)
	go func() {
		for {
			if err := p.Publish(ctx, []byte("1")); err != nil {
				done <- err
				return
			}
			if ctx.Err() != nil {
				done <- ctx.Err()
				return
			}
		}
	}()
	readLine(t, r, lines, `{"x":2}`)
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	_ = c.Process.Signal(os.Interrupt)
	c.ends(130)
}
