package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"shmbus/bus"
)

// archive writes every line to a file. It is a lossless subscription: the follower waits for it rather than overwrite what it has not
// written.
func archive(ctx context.Context, b *bus.Bus, o options, path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s, err := b.Subscribe(ctx, o.topic, bus.WaitForTopic(), bus.FromOldest(), bus.Lossless())
	if err != nil {
		return err
	}
	defer s.Close()

	w := bufio.NewWriter(f)
	for n := 0; o.lines == 0 || n < o.lines; n++ {
		line, err := next(ctx, s, w)
		if err != nil {
			return errors.Join(err, w.Flush())
		}
		_, _ = w.Write(line.Bytes()) // an error stays with w, and Flush says it
		err = w.WriteByte('\n')
		line.Release()
		if err != nil {
			return err
		}
	}
	return w.Flush()
}

// next is the next frame. Before it has to wait it flushes, so that the file is never behind for long.
func next(ctx context.Context, s *bus.Subscriber, w *bufio.Writer) (*bus.Frame, error) {
	f, err := s.TryReceive()
	if f != nil || err != nil {
		return f, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return s.Receive(ctx)
}

// count counts the lines that match. It is a lossy subscription: if it is too slow, lines are overwritten before it has seen them,
// and it says how many. On what it has seen the count is exact.
func count(ctx context.Context, b *bus.Bus, o options, pattern *regexp.Regexp, out io.Writer) error {
	s, err := b.Subscribe(ctx, o.topic, bus.WaitForTopic(), bus.FromOldest(), bus.Lossy())
	if err != nil {
		return err
	}
	defer s.Close()

	seen, matched := 0, 0
	defer func() {
		fmt.Fprintf(out, "count: %d of %d lines match %q, %d lines were missed\n", matched, seen, pattern, s.Lost())
	}()
	for f, err := range s.Frames(ctx) {
		if err != nil {
			return err
		}
		seen++
		if pattern.Match(f.Bytes()) {
			matched++
		}
		if seen == o.lines {
			break
		}
	}
	return nil
}
