package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"shmbus/bus"
)

// What the demo writes: so many lines before the truncation, before the rotation, and after it.
const (
	demoPart  = 20000
	demoLines = 3 * demoPart
	demoEvery = 50 // each so many lines there is an error
)

// demo writes a file, follows it through a truncation and a rotation, and checks what the readers got. Each part has a bus handle of
// its own, as if it were another process.
func demo(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "shmbus-logtail-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o := options{dir: filepath.Join(dir, "bus"), topic: "logs/demo", lines: demoLines, readers: 2}
	log, copied := filepath.Join(dir, "app.log"), filepath.Join(dir, "archive.log")

	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	following, stopFollowing := context.WithCancel(ctx)
	defer stopFollowing()

	b, err := bus.Open(o.dir)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := b.CreateTopic(o.topic, shape); err != nil {
		return err
	}
	archived := spawn(cancel, o, func(b *bus.Bus) error { return archive(ctx, b, o, copied) })
	counted := spawn(cancel, o, func(b *bus.Bus) error {
		return count(ctx, b, o, regexp.MustCompile(`^ERROR`), out)
	})
	followed := spawn(cancel, o, func(b *bus.Bus) error { return follow(following, b, o, log) })

	start := time.Now()
	want, err := writeDemo(ctx, b, o, log)
	if err != nil {
		cancel()
	}
	err = errors.Join(err, <-archived)
	took := time.Since(start)
	stopFollowing()
	if e := <-followed; !errors.Is(e, context.Canceled) {
		err = errors.Join(err, e)
	}
	// The counter may have missed some, and then it would wait for more.
	stopCounter := time.AfterFunc(300*time.Millisecond, cancel)
	defer stopCounter.Stop()
	if e := <-counted; !errors.Is(e, context.Canceled) {
		err = errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	got, err := os.ReadFile(copied)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New("the archive is not what was written")
	}
	fmt.Fprintf(out, "archive: all %d lines, byte for byte, through a truncation and a rotation, in %v\n", demoLines,
		took.Round(time.Millisecond))
	return nil
}

// spawn runs one part on a bus handle of its own. If it fails, all are stopped.
func spawn(stop context.CancelFunc, o options, part func(*bus.Bus) error) <-chan error {
	ended := make(chan error, 1)
	go func() {
		err := func() error {
			b, err := bus.Open(o.dir)
			if err != nil {
				return err
			}
			defer b.Close()
			return part(b)
		}()
		if err != nil && !errors.Is(err, context.Canceled) {
			stop()
		}
		ended <- err
	}()
	return ended
}

// writeDemo writes the lines and says what they were. Before it truncates the file it waits until all of it has been published: nobody
// can read what was truncated away. After that it waits until the truncation was noticed, which a file that has grown again hides.
func writeDemo(ctx context.Context, b *bus.Bus, o options, path string) (want []byte, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()

	part := func(first, end int) error {
		var b []byte
		for i := first; i < end; i++ {
			level := "INFO"
			if i%demoEvery == 0 {
				level = "ERROR"
			}
			b = fmt.Appendf(b, "%s line %d\n", level, i)
		}
		want = append(want, b...)
		_, err := f.Write(b)
		return err
	}
	published := func(lines uint64) error {
		return await(ctx, b, o.topic, func(st bus.TopicStat) bool { return st.Frames >= lines })
	}
	if err := part(0, demoPart); err != nil {
		return want, err
	}
	if err := published(demoPart); err != nil {
		return want, err
	}
	if err := f.Truncate(0); err != nil {
		return want, err
	}
	if err := part(demoPart, demoPart+1); err != nil {
		return want, err
	}
	if err := published(demoPart + 1); err != nil {
		return want, err
	}
	if err := part(demoPart+1, 2*demoPart); err != nil {
		return want, err
	}
	if err := os.Rename(path, path+".1"); err != nil {
		return want, err
	}
	old := f
	if f, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644); err != nil {
		f = old
		return want, err
	}
	if err := old.Close(); err != nil {
		return want, err
	}
	return want, part(2*demoPart, 3*demoPart)
}
