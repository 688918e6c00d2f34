// Quickstart starts a publisher process and a subscriber process on a bus of its own, shows frames as they arrive, and ends by
// itself.
//
//	go run ./examples/quickstart
//
// Reading order: publisher.go and subscriber.go are what a program of yours would look like; this file only starts the two.
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
)

// topic is where the frames go. A name is a path of any depth.
const topic = "quickstart/sensors"

// options are what the command line says.
type options struct {
	role   string
	dir    string
	frames int
	every  time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.role, "role", "", "publisher or subscriber; empty: start one of each")
	flag.StringVar(&o.dir, "bus", "", "bus directory; empty: one of its own, removed at the end")
	flag.IntVar(&o.frames, "frames", 2000, "how many frames to send")
	flag.DurationVar(&o.every, "every", time.Millisecond, "time between two frames")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, o)
	switch {
	case err == nil:
	case ctx.Err() != nil: // Ctrl-C: nothing went wrong
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.frames < 1 || o.every <= 0 {
		return errors.New("-frames and -every must be above 0")
	}
	switch o.role {
	case "":
		return both(ctx, o)
	case "publisher":
		return publish(ctx, o)
	case "subscriber":
		return subscribe(ctx, o)
	}
	return fmt.Errorf("-role %q: it is publisher or subscriber", o.role)
}

// both runs this program twice more, once in each role, and waits for the two.
func both(ctx context.Context, o options) error {
	if o.dir == "" {
		dir, err := ownBus()
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	fmt.Println("bus directory:", o.dir)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	roles := []string{"subscriber", "publisher"}
	ended := make(chan error, len(roles))
	for _, role := range roles {
		go func() { ended <- start(ctx, role, o) }()
	}
	var all error
	for range roles {
		if err := <-ended; err != nil {
			cancel() // one alone would wait for ever
			all = errors.Join(all, err)
		}
	}
	return all
}

// start runs one role in a process of its own until it ends.
func start(ctx context.Context, role string, o options) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, exe, "-role", role, "-bus", o.dir,
		"-frames", fmt.Sprint(o.frames), "-every", o.every.String())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // so that it can leave the bus in order
	cmd.WaitDelay = 2 * time.Second                                          // and if it does not, it is killed
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the %s: %w", role, err)
	}
	return nil
}

// ownBus makes a directory for a bus, in memory where the system has such a place.
func ownBus() (string, error) {
	for _, parent := range []string{"/dev/shm", ""} {
		if dir, err := os.MkdirTemp(parent, "shmbus-quickstart-"); err == nil || parent == "" {
			return dir, err
		}
	}
	panic("unreachable")
}
