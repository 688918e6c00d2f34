package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"shmbus/bus"
)

// lookAgain is how often the file is looked at without an event: events can be lost, and some file systems send none.
const lookAgain = time.Second

// shape is how the topic is made: lossless, so that the follower waits for archivers that are slow. It does not wait for counters.
var shape = bus.TopicOptions{Policy: bus.PolicyLossless}

// follow publishes the lines of a file until ctx is done.
func follow(ctx context.Context, b *bus.Bus, o options, path string) (err error) {
	p, err := b.Publisher(o.topic, bus.WithTopic(shape))
	if err != nil {
		return err
	}
	defer p.Close()

	// A lossless topic keeps lines for the readers it has. Those that are to have every line must be there first.
	joined := func(st bus.TopicStat) bool { return st.Subscribers >= o.readers }
	if err := await(ctx, b, o.topic, joined); err != nil {
		return err
	}

	// The directory is watched, not the file: that is where a file comes, goes, and gets its name.
	path, err = filepath.Abs(path)
	if err != nil {
		return err
	}
	watch, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer watch.Close()
	if err := watch.Add(filepath.Dir(path)); err != nil {
		return err
	}

	t := &tail{path: path, most: p.MaxFrame(), emit: func(line []byte) error { return p.Publish(ctx, line) }}
	defer func() { err = errors.Join(err, t.close()) }()
	if o.fresh {
		if err := t.skip(); err != nil {
			return err
		}
	}
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		if err := t.poll(); err != nil {
			return fmt.Errorf("following %s: %w", path, err)
		}
		for looked := false; !looked; {
			select {
			case e := <-watch.Events:
				looked = e.Name == path
			case <-watch.Errors: // too many events: some are lost, so look
				looked = true
			case <-tick.C:
				looked = true
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// await waits until a topic is as it should be. Nothing tells of such changes, so it looks now and then.
func await(ctx context.Context, b *bus.Bus, topic string, done func(bus.TopicStat) bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		st, err := b.Stat(topic)
		if err != nil || done(st) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
