// Imagepipe sends large pictures through three processes without copying one: a camera draws into the ring, a filter reads there and
// writes into the next ring, a sink measures in place. A display beside them looks at what it has time for.
//
//	go run ./examples/imagepipe
//
// Reading order: stages.go (the four processes), picture.go (what is in a frame), this file (starts them).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"shmbus/bus"
)

// options are what the command line says.
type options struct {
	role          string
	dir           string
	frames        int
	width, height int
	png           string
}

func main() {
	var o options
	flag.StringVar(&o.role, "role", "", "camera, blur, sink or display; empty: start all four")
	flag.StringVar(&o.dir, "bus", "", "bus directory; empty: one of its own, removed at the end")
	flag.IntVar(&o.frames, "frames", 300, "how many pictures to take")
	flag.IntVar(&o.width, "width", 1920, "width of a picture")
	flag.IntVar(&o.height, "height", 1080, "height of a picture")
	flag.StringVar(&o.png, "png", "", "file for the last picture that the display has shown")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, o)
	switch {
	case err == nil:
	case ctx.Err() != nil: // Ctrl-C: nothing went wrong
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "imagepipe:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	switch {
	case o.frames < 1:
		return errors.New("-frames must be above 0")
	case o.width < 3 || o.height < 3 || o.width > 8192 || o.height > 8192:
		return errors.New("-width and -height must be 3 to 8192")
	case o.role == "":
		return all(ctx, o)
	}
	stage, ok := stages[o.role]
	if !ok {
		return fmt.Errorf("-role %q: it is camera, blur, sink or display", o.role)
	}
	b, err := bus.Open(o.dir)
	if err != nil {
		return err
	}
	defer b.Close()
	return stage(ctx, b, o)
}

// all makes the topics, runs the four roles in processes of their own, and waits for them. The display has no end of its own: it is
// stopped when the others are done.
func all(ctx context.Context, o options) error {
	if o.dir == "" {
		dir, err := ownBus()
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	if err := makeTopics(o); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()

	pipeline := make(chan error, 3)
	for _, role := range []string{"sink", "blur", "camera"} {
		go func() { pipeline <- start(ctx, role, o) }()
	}
	display := make(chan error, 1)
	go func() { display <- start(watching, "display", o) }()

	var err error
	for range cap(pipeline) {
		if e := <-pipeline; e != nil {
			cancel() // the others would wait for the one that failed
			err = errors.Join(err, e)
		}
	}
	stopWatching()
	if e := <-display; err == nil {
		err = e
	}
	return err
}

// makeTopics makes both topics before anybody starts, so that they have the right shape whoever comes first. The ring has room for
// eight pictures, in cells of 64 KiB.
func makeTopics(o options) error {
	b, err := bus.Open(o.dir)
	if err != nil {
		return err
	}
	defer b.Close()
	const cell, pictures = 64 << 10, 8
	slots := pictures * ((pictureBytes(o.width, o.height) + cell - 1) / cell)
	shape := bus.TopicOptions{Slots: slots, CellSize: cell, Policy: bus.PolicyLossless}
	for _, topic := range []string{topicRaw, topicBlurred} {
		if err := b.CreateTopic(topic, shape); err != nil {
			return err
		}
	}
	return nil
}

// start runs one role in a process of its own until it ends, or until ctx is done: that is no error for a process that then
// ends in order.
func start(ctx context.Context, role string, o options) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, exe, "-role", role, "-bus", o.dir, "-png", o.png, "-frames", fmt.Sprint(o.frames),
		"-width", fmt.Sprint(o.width), "-height", fmt.Sprint(o.height))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	if cmd.ProcessState != nil && cmd.ProcessState.Success() {
		return nil
	}
	return fmt.Errorf("the %s: %w", role, err)
}

// ownBus makes a directory for a bus, in memory where the system has such a place.
func ownBus() (string, error) {
	for _, parent := range []string{"/dev/shm", ""} {
		if dir, err := os.MkdirTemp(parent, "shmbus-imagepipe-"); err == nil || parent == "" {
			return dir, err
		}
	}
	panic("unreachable")
}
